using Stillpoint.Chunks;
using Stillpoint.Extents;

namespace Stillpoint.Roles.Tests.Media;

/// <summary>A disk in memory, to read and to write.</summary>
internal sealed class MemoryDisk(byte[] bytes) : IDiskSource, IDiskTarget
{
    public byte[] Bytes => bytes;

    public long Length => bytes.Length;

    public ExtentSet Data => ExtentSet.Of(new Extent(0, bytes.Length));

    public static MemoryDisk Random(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return new MemoryDisk(bytes);
    }

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        bytes.AsMemory((int)offset, buffer.Length).CopyTo(buffer);
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> written, CancellationToken cancel)
    {
        written.CopyTo(bytes.AsMemory((int)offset));
        return ValueTask.CompletedTask;
    }

    public ValueTask FinishAsync(CancellationToken cancel) => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
