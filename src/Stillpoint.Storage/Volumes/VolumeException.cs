using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>A failure of a volume that says itself who is to blame and what to do.</summary>
internal sealed class VolumeException(Trouble trouble, Exception? inner = null) : IOException(trouble.ToString(), inner)
{
    public Trouble Trouble { get; } = trouble;
}
