using Stillpoint.Extents;

namespace Stillpoint.Chunks;

/// <summary>A disk that holds something and is brought to another state by writing only what differs.</summary>
public interface IDiskPatchTarget : IDiskTarget
{
    /// <summary>Size in bytes.</summary>
    long Length { get; }

    /// <summary>Where data was when it was opened; every byte outside reads as zero.</summary>
    ExtentSet Data { get; }

    /// <summary>Fills <paramref name="buffer"/> from <paramref name="offset"/>.</summary>
    ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel);

    /// <summary>Makes a run read as zero.</summary>
    ValueTask ZeroAsync(Extent run, CancellationToken cancel);
}

/// <summary>What a patch did.</summary>
/// <param name="BytesCompared">Bytes of the disk that were read and held against the image.</param>
/// <param name="BytesWritten">Bytes that were written, zeros included.</param>
public sealed record PatchResult(long BytesCompared, long BytesWritten);
