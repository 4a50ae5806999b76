using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>Makes the error for bytes that are not what the format says.</summary>
public static class Damage
{
    public static TroubleException Of(string what, string why, Exception? inner = null) => new(
        what, $"it is damaged: {why}.", "run store verify on the storage unit to learn which images it concerns", inner: inner);
}
