using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Makes the errors that concern a storage unit as a whole.</summary>
internal static class UnitTrouble
{
    private const int UnixNoSpace = 28, UnixQuota = 122;
    private const int WindowsNoSpace = unchecked((int)0x80070070), WindowsHandleFull = unchecked((int)0x80070027);

    public static TroubleException Version(string what, int version) => new(
        what, $"it has format version {version}; this program reads and writes version {StoreFormat.Version}.",
        "use the program version that made it, or a new storage unit");

    public static TroubleException Missing(string unit) => new(
        $"storage unit {unit}", "there is none.", $"make one with: stillpoint store init {unit}");

    /// <summary>A unit that was there is not, as when a mount dropped off: nothing may be written in its place.</summary>
    public static TroubleException Gone(string unit, Exception? inner = null) => new(
        $"storage unit {unit}", "the folder no longer holds the unit: is its mount missing?", "bring the folder back, then try again", retry: true, inner);

    public static TroubleException Replaced(string unit, Guid expected, Guid found) => new(
        $"storage unit {unit}", $"the folder no longer holds the unit: unit {found:D} lies there in place of {expected:D}. Is another volume mounted?",
        "bring the folder back, then try again", retry: true);

    /// <summary>Packs that a session built on went away before its commit.</summary>
    public static TroubleException LostPacks(string unit) => new(
        $"storage unit {unit}", "packs that were there when the session began are gone: the image would refer to what is lost.",
        "run the backup again: it sends those chunks again; store verify tells which images are hurt", retry: true);

    /// <summary>A session that a collector took for dead.</summary>
    public static TroubleException Fenced(string unit, Guid session) => new(
        $"storage unit {unit}", $"session {session:N} was ended by another: its lease was not renewed for so long that a collect took it for dead, or another session took its image.",
        "run the backup again; what it sent is reused unless a collect removed it", retry: true);

    /// <summary>True when the error says that the volume is full.</summary>
    public static bool IsFull(IOException error) => error.HResult is UnixNoSpace or UnixQuota or WindowsNoSpace or WindowsHandleFull;

    public static TroubleException Io(string unit, IOException error) => error is VolumeException known
        ? new($"storage unit {unit}", $"{known.Trouble.Culprit}: {known.Trouble.Message}", known.Trouble.NextStep, known.Trouble.Retry, error)
        : IsFull(error)
            ? new($"storage unit {unit}", "it is full: no space is left to write to.", "free space or extend the volume, then run the same again: what is there is reused", retry: true, error)
            : new($"storage unit {unit}", $"its volume failed: {error.Message}", "check the disk or network of the storage unit", retry: true, error);

    public static TroubleException Refused(string unit, string why, string next) => new($"storage unit {unit}", why, next);
}
