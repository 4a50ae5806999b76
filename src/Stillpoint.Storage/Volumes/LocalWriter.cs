using Stillpoint.Durable;

namespace Stillpoint.Storage;

/// <summary>A large object on its way to a name in a directory. Its part is locked while its writer lives.</summary>
internal sealed class LocalWriter(IFileCalls files, string part, string path) : IVolumeWriter
{
    private readonly IOpenFile _file = files.Create(part);
    private long _length;
    private bool _complete;

    public ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        _file.Write(bytes.Span, _length);
        _length += bytes.Length;
        return default;
    }

    // A sync of 64 MiB takes a tenth of a second.
    public async ValueTask CompleteAsync(CancellationToken cancel) => await files.RunAsync(
        () =>
        {
            _file.Sync(nameof(CompleteAsync));
            files.Move(part, path, overwrite: false);
            _complete = true;
            files.SyncFolder(Path.GetDirectoryName(path)!, nameof(CompleteAsync));
        },
        cancel);

    public ValueTask DisposeAsync()
    {
        _file.Dispose();
        if (_complete) return default;
        try
        {
            files.Delete(part);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Perhaps it went away with its directory; what made the write fail is told already, and a sweep finds what is left.
        }
        return default;
    }
}
