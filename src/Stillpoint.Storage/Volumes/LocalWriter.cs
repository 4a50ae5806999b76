using Stillpoint.Durable;

namespace Stillpoint.Storage;

/// <summary>A large object on its way to a name in a directory.</summary>
internal sealed class LocalWriter : IVolumeWriter
{
    private readonly string _part;
    private readonly string _path;
    private readonly FileStream _file;
    private readonly DirectFile _direct;
    private long _length;
    private bool _complete;

    public LocalWriter(string part, string path)
    {
        _part = part;
        _path = path;
        // No sharing: the lock tells a sweeper that the writer lives, and the system takes it away when the writer dies.
        _file = new FileStream(part, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 });
        _direct = new DirectFile(_file.SafeFileHandle);
    }

    public ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        _direct.Write(bytes.Span, _length);
        _length += bytes.Length;
        return default;
    }

    public async ValueTask CompleteAsync(CancellationToken cancel)
    {
        // A sync of 64 MiB takes a tenth of a second: off the caller's thread, so that it can go on.
        await Task.Run(
            () =>
            {
                DurableFile.Sync(_file.SafeFileHandle);
                File.Move(_part, _path, overwrite: false);
                _complete = true;
                DurableFile.SyncDirectory(Path.GetDirectoryName(_path)!);
            },
            cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _file.DisposeAsync();
        if (_complete) return;
        try
        {
            File.Delete(_part);
        }
        catch (DirectoryNotFoundException)
        {
            // The part went away with its directory; what made the write fail is told already.
        }
    }

    /// <summary>True when no living writer holds the part.</summary>
    public static bool IsAbandoned(string part)
    {
        try
        {
            using var probe = new FileStream(part, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
