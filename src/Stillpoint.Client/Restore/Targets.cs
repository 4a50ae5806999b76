using Stillpoint.Chunks;
using Stillpoint.Durable;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Client;

/// <summary>A fresh virtual disk that a restore fills.</summary>
internal sealed class VirtualDiskTarget(VirtualDisk disk) : IDiskTarget
{
    private readonly Lock _lock = new();

    /// <inheritdoc/>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        // Writers of a virtual disk change its block table.
        lock (_lock) disk.Write(offset, bytes.Span);
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

/// <summary>A fresh file that a restore fills; what is not written is a hole.</summary>
internal sealed class FileTarget : IDiskTarget
{
    private readonly FileStream _file;

    public FileTarget(FileStream file, long length)
    {
        _file = file;
        _file.SetLength(length);
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
        RandomAccess.WriteAsync(_file.SafeFileHandle, bytes, offset, cancel);

    /// <inheritdoc/>
    public ValueTask FinishAsync(CancellationToken cancel)
    {
        DurableFile.Sync(_file.SafeFileHandle);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _file.DisposeAsync();
}
