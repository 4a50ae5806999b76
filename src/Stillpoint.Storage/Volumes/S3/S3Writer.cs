using Amazon.S3.Model;

namespace Stillpoint.Storage;

/// <summary>A large object on its way to a bucket: sent in parts while it grows, or in one put when it stays small.</summary>
internal sealed class S3Writer(S3Volume volume, PartBuffers buffers, string name, string by) : IVolumeWriter
{
    private readonly List<Task<PartETag>> _parts = [];
    private readonly CancellationTokenSource _stop = new();
    private byte[] _buffer = buffers.Rent();
    private int _used;
    private long _length;
    private string? _upload;
    private bool _complete;

    public string Version { get; private set; } = "";

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (!bytes.IsEmpty)
        {
            if (_used == _buffer.Length) await SendAsync(cancel);
            var take = Math.Min(bytes.Length, _buffer.Length - _used);
            bytes[..take].CopyTo(_buffer.AsMemory(_used));
            _used += take;
            _length += take;
            bytes = bytes[take..];
        }
    }

    public async ValueTask CompleteAsync(CancellationToken cancel)
    {
        if (_upload is null)
        {
            Version = await volume.PutNewAsync(name, new S3Bucket.Buffered(_buffer, _used), by, cancel)
                ?? throw new IOException($"{name} of {volume.Name} exists already");
        }
        else
        {
            await SendAsync(cancel);
            var parts = await Task.WhenAll(_parts);
            // Where the answer of an earlier attempt was lost the upload is gone, and the object tells whose it is.
            await volume.Bucket.CompleteUploadAsync(name, _upload, [.. parts], cancel);
            Version = await volume.UploadedAsync(name, by, _length, cancel);
        }
        _complete = true;
    }

    public async ValueTask DisposeAsync()
    {
        // Parts of an object that nobody completes are not waited for.
        if (!_complete) await _stop.CancelAsync();
        await Task.WhenAll(_parts).ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.None,
            TaskScheduler.Default);
        buffers.Return(_buffer);
        _buffer = [];
        _stop.Dispose();
        if (_complete || _upload is null) return;
        using var limit = volume.NewParting();
        try
        {
            await volume.Bucket.AbortUploadAsync(name, _upload, limit.Token);
        }
        catch (Exception e) when (e is VolumeException or OperationCanceledException)
        {
            // A later sweep gives it up; what made the write fail is told already.
        }
    }

    private async Task SendAsync(CancellationToken cancel)
    {
        // A part that failed ends the object at the next one.
        foreach (var part in _parts)
            if (part.IsFaulted) await part;
        _upload ??= await volume.Bucket.StartUploadAsync(name, by, cancel);
        await buffers.Turns.WaitAsync(cancel);
        _parts.Add(PartAsync(new S3Bucket.Buffered(_buffer, _used), _parts.Count + 1, cancel));
        _buffer = buffers.Rent();
        _used = 0;
    }

    private async Task<PartETag> PartAsync(S3Bucket.Buffered bytes, int number, CancellationToken cancel)
    {
        try
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel, _stop.Token);
            return await volume.Bucket.UploadPartAsync(name, _upload!, number, bytes, ended.Token);
        }
        finally
        {
            buffers.Return(bytes.Bytes);
            buffers.Turns.Release();
        }
    }
}
