using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Client;

/// <summary>A VM's own disk that is brought back to an image: what is written goes into the file on top of the checkpoint that was taken before.</summary>
internal sealed class RollbackTarget(VirtualDisk disk) : IDiskPatchTarget
{
    private readonly Lock _lock = new();

    /// <inheritdoc/>
    public long Length => disk.Length;

    /// <inheritdoc/>
    public ExtentSet Data { get; } = disk.Data;

    /// <inheritdoc/>
    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        disk.Read(offset, buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        lock (_lock) disk.Write(offset, bytes.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask ZeroAsync(Extent run, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        lock (_lock) disk.Zero(run.Offset, run.Length);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask FinishAsync(CancellationToken cancel)
    {
        disk.Flush();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        disk.Dispose();
        return ValueTask.CompletedTask;
    }
}
