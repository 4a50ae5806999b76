using Stillpoint.Extents;

namespace Stillpoint.Chunks;

/// <summary>A frozen disk, or a file of an image, that is read for a backup. Its bytes do not change while it is open.</summary>
public interface IDiskSource : IAsyncDisposable
{
    /// <summary>Size in bytes.</summary>
    long Length { get; }

    /// <summary>Where data is; every byte outside reads as zero and need not be read. May claim more than there is, never less.</summary>
    ExtentSet Data { get; }

    /// <summary>Fills <paramref name="buffer"/> from <paramref name="offset"/>. Safe to call from several threads at once.</summary>
    /// <exception cref="IOException">The bytes cannot be read.</exception>
    ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel);
}

/// <summary>A fresh disk or file that a restore writes. Bytes that are never written read as zero.</summary>
public interface IDiskTarget : IAsyncDisposable
{
    /// <summary>Writes <paramref name="bytes"/> at <paramref name="offset"/>. Safe to call from several threads for ranges that do not meet.</summary>
    ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>Returns when all that was written is on stable storage.</summary>
    ValueTask FinishAsync(CancellationToken cancel);
}
