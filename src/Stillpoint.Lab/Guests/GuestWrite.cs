namespace Stillpoint.Lab;

/// <summary>One write of a guest. The bytes are made when they are written, so that a large burst takes no memory.</summary>
/// <param name="Disk">Which disk.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Seed">Where the bytes come from; null for zeros.</param>
internal readonly record struct GuestWrite(int Disk, long Offset, int Length, int? Seed)
{
    /// <summary>Fills a buffer of <see cref="Length"/> bytes.</summary>
    public void Fill(Span<byte> buffer)
    {
        if (Seed is { } seed) new Random(seed).NextBytes(buffer);
        else buffer.Clear();
    }
}
