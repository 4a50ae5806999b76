using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>The host cannot say what changed on a disk since a tracking id: the disk must be read in full.</summary>
public sealed class TrackingLostException : Exception
{
    /// <param name="read">The cause, and a clause for people, for example <c>the host does not know this tracking id</c>.</param>
    /// <param name="inner">The host's own error.</param>
    public TrackingLostException(FullRead read, Exception? inner = null) : base((read ?? throw new ArgumentNullException(nameof(read))).Reason, inner) =>
        Read = read;

    /// <summary>Why.</summary>
    public FullRead Read { get; }
}
