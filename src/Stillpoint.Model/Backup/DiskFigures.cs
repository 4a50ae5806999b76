namespace Stillpoint.Model;

/// <summary>What one disk of a backup cost. All figures are bytes.</summary>
/// <param name="Name">The disk's file name as the host knows it.</param>
/// <param name="Size">Virtual size.</param>
/// <param name="BytesChanged">What change tracking reported; for a full, the bytes that hold data.</param>
/// <param name="BytesRead">What was read for the image, the audit apart.</param>
/// <param name="BytesAudited">What the tracking audit read besides.</param>
/// <param name="BytesSent">Plain size of the chunks that were sent.</param>
/// <param name="BytesWire">Size of those chunks' records on the wire.</param>
/// <param name="BytesStored">What the storage unit grew by for them, tree nodes included.</param>
/// <param name="FullReason">Why the disk was read in full although an incremental was asked; null when it was not.</param>
public sealed record DiskFigures(
    string Name,
    long Size,
    long BytesChanged,
    long BytesRead,
    long BytesAudited,
    long BytesSent,
    long BytesWire,
    long BytesStored,
    string? FullReason = null)
{
    /// <summary>The sort of that cause; null where it is not known, as in an image that is read without its job.</summary>
    public FullReadCause? FullCause { get; init; }
}
