using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Client;

/// <summary>A VM's own disk that is brought back to an image: what is written goes into the file on top of the checkpoint that was taken before.</summary>
internal sealed class RollbackTarget(VirtualDisk disk) : VirtualDiskTarget(disk), IDiskPatchTarget
{
    private readonly VirtualDisk _disk = disk;

    /// <inheritdoc/>
    public long Length => _disk.Length;

    /// <inheritdoc/>
    public ExtentSet Data { get; } = disk.Data;

    /// <inheritdoc/>
    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        _disk.Read(offset, buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask ZeroAsync(Extent run, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        lock (OneWriter) _disk.Zero(run.Offset, run.Length);
        return ValueTask.CompletedTask;
    }
}
