namespace Stillpoint.Transport;

/// <summary>Writes frames to a TLS stream: small ones are gathered into one write, large ones go as they are. One user at a time.</summary>
internal sealed class FrameWriter(Stream stream)
{
    /// <summary>Copying up to this many bytes costs less than a TLS record and a system call of their own.</summary>
    private const int Small = 8 << 10;

    private readonly byte[] _staged = new byte[64 << 10];
    private int _length;

    /// <summary>Bytes that are gathered and not written yet.</summary>
    internal bool HasStaged => _length > 0;

    /// <summary>Takes a frame over. When it returns, <paramref name="frame"/> may be used for something else.</summary>
    internal ValueTask WriteAsync(ReadOnlyMemory<byte> frame, CancellationToken cancel)
    {
        if (frame.Length > Small || _length + frame.Length > _staged.Length) return WriteThroughAsync(frame, cancel);
        frame.Span.CopyTo(_staged.AsSpan(_length));
        _length += frame.Length;
        return ValueTask.CompletedTask;
    }

    /// <summary>Writes what was gathered.</summary>
    internal async ValueTask FlushAsync(CancellationToken cancel)
    {
        if (_length == 0) return;
        var length = _length;
        _length = 0;
        await stream.WriteAsync(_staged.AsMemory(0, length), cancel);
    }

    private async ValueTask WriteThroughAsync(ReadOnlyMemory<byte> frame, CancellationToken cancel)
    {
        // A large frame behind a few small bytes: filling the gathered bytes up to whole TLS records would copy more than it saves.
        await FlushAsync(cancel);
        if (frame.Length <= Small)
        {
            frame.Span.CopyTo(_staged);
            _length = frame.Length;
            return;
        }
        await stream.WriteAsync(frame, cancel);
    }
}
