using Stillpoint.Chunks;
using Stillpoint.Extents;

namespace Stillpoint.Store.Tests;

/// <summary>A disk in memory. Its data map is what is not zero, in runs of 512 bytes, unless given.</summary>
internal sealed class MemorySource(byte[] bytes, ExtentSet? data = null) : IDiskSource
{
    private long _read;

    public byte[] Bytes { get; } = bytes;

    public long Length => Bytes.Length;

    public ExtentSet Data { get; } = data ?? Find(bytes);

    /// <summary>Bytes that were read.</summary>
    public long Read => Interlocked.Read(ref _read);

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        Bytes.AsSpan(checked((int)offset), buffer.Length).CopyTo(buffer.Span);
        Interlocked.Add(ref _read, buffer.Length);
        return default;
    }

    public ValueTask DisposeAsync() => default;

    private static ExtentSet Find(byte[] bytes)
    {
        var builder = new ExtentSetBuilder();
        for (var at = 0; at < bytes.Length; at += 512)
        {
            var length = Math.Min(512, bytes.Length - at);
            if (bytes.AsSpan(at, length).ContainsAnyExcept((byte)0)) builder.Add(new Extent(at, length));
        }
        return builder.Build();
    }
}

/// <summary>A restored disk in memory.</summary>
internal sealed class MemoryTarget(long length) : IDiskTarget
{
    private long _written;

    public byte[] Bytes { get; } = new byte[length];

    public long Written => Interlocked.Read(ref _written);

    public bool Finished { get; private set; }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        bytes.CopyTo(Bytes.AsMemory(checked((int)offset)));
        Interlocked.Add(ref _written, bytes.Length);
        return default;
    }

    public ValueTask FinishAsync(CancellationToken cancel)
    {
        Finished = true;
        return default;
    }

    public ValueTask DisposeAsync() => default;
}
