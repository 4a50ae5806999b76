using Stillpoint.Chunks;
using Stillpoint.Durable;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Client;

/// <summary>A virtual disk that is written.</summary>
internal class VirtualDiskTarget(VirtualDisk disk) : IDiskTarget
{
    /// <summary>Writers of a virtual disk change its block table: one at a time.</summary>
    protected Lock OneWriter { get; } = new();

    /// <inheritdoc/>
    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        lock (OneWriter) disk.Write(offset, bytes.Span);
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
        try
        {
            _file.SetLength(length);
        }
        catch
        {
            // A file that is open cannot be removed on Windows.
            _file.Dispose();
            throw;
        }
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
