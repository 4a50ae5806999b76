namespace Stillpoint.HyperV;

/// <summary>The host cannot say what changed on a disk since a tracking id: the disk must be read in full.</summary>
public sealed class TrackingLostException : Exception
{
    /// <param name="reason">A clause for people, for example <c>the host does not know this tracking id</c>.</param>
    /// <param name="inner">The host's own error.</param>
    public TrackingLostException(string reason, Exception? inner = null) : base(reason, inner)
    {
    }
}
