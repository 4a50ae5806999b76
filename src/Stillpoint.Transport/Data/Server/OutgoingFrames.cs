using System.Buffers;
using System.Threading.Channels;
using Stillpoint.Chunks;

namespace Stillpoint.Transport;

/// <summary>The connection is gone: an answer could not be handed to it. The session goes on with the next one.</summary>
internal sealed class ConnectionGoneException() : IOException("The connection is gone.");

/// <summary>Frames on their way to a client. Whoever makes them waits while too much is on the way, so a client that does not read costs a
/// bounded amount of memory.</summary>
internal sealed class OutgoingFrames : IDisposable
{
    /// <summary>Answers that may wait for the wire.</summary>
    private const int MaxBytes = 4 << 20;

    private readonly Channel<Message> _frames = Channel.CreateUnbounded<Message>(new UnboundedChannelOptions { SingleReader = true });
    private readonly SemaphoreSlim _written = new(0);
    private long _bytes;
    private long _acknowledge = -1;
    private volatile bool _alive;
    private volatile bool _closed;

    /// <summary>Sends a whole frame, or several.</summary>
    internal ValueTask SendAsync(byte[] frame, CancellationToken cancel) => SendAsync(new Message(frame, frame.Length, Pooled: false), cancel);

    /// <summary>Makes a frame and sends it.</summary>
    internal ValueTask SendAsync(FrameKind kind, uint call, ReadOnlySpan<byte> body, CancellationToken cancel) =>
        SendAsync(WireFormat.Frame(kind, call, body), cancel);

    /// <summary>Sends a record as a part of an answer.</summary>
    internal ValueTask SendAsync(uint call, SealedRecord record, CancellationToken cancel)
    {
        var body = SealedCodec.RecordPrefixSize + record.Bytes.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(WireFormat.HeaderSize + body);
        WireFormat.WriteHeader(buffer, FrameKind.Record, call, body);
        SealedCodec.WritePrefix(record, buffer.AsSpan(WireFormat.HeaderSize));
        record.Bytes.Span.CopyTo(buffer.AsSpan(WireFormat.HeaderSize + SealedCodec.RecordPrefixSize));
        return SendAsync(new Message(buffer, WireFormat.HeaderSize + body, Pooled: true), cancel);
    }

    /// <summary>Tells how many frames of the session were taken over; only the newest count goes out.</summary>
    internal void Acknowledge(long count)
    {
        Volatile.Write(ref _acknowledge, count);
        _frames.Writer.TryWrite(default);
    }

    /// <summary>Tells that we are still there.</summary>
    internal void SayAlive()
    {
        _alive = true;
        _frames.Writer.TryWrite(default);
    }

    /// <summary>Nothing more is sent; who waits learns that the connection is gone.</summary>
    internal void Close()
    {
        _closed = true;
        _frames.Writer.TryComplete();
        _written.Release();
    }

    /// <summary>Writes until <see cref="Close"/> and everything before it is written.</summary>
    internal async Task WriteAsync(FrameWriter writer, Liveness liveness, CancellationToken cancel)
    {
        while (await _frames.Reader.WaitToReadAsync(cancel))
        {
            while (_frames.Reader.TryRead(out var frame)) await WriteAsync(writer, frame, cancel);
            if (Interlocked.Exchange(ref _acknowledge, -1) is >= 0 and var count)
            {
                var body = new byte[8];
                System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(body, count);
                await writer.WriteAsync(WireFormat.Frame(FrameKind.Acknowledged, 0, body), cancel);
            }
            else if (_alive)
            {
                await writer.WriteAsync(WireFormat.Frame(FrameKind.Alive, 0, []), cancel);
            }
            _alive = false;
            await writer.FlushAsync(cancel);
            liveness.Said();
        }
    }

    public void Dispose() => _written.Dispose();

    private async ValueTask SendAsync(Message frame, CancellationToken cancel)
    {
        while (Volatile.Read(ref _bytes) > MaxBytes)
        {
            if (_closed) throw new ConnectionGoneException();
            await _written.WaitAsync(cancel);
        }
        Interlocked.Add(ref _bytes, frame.Length);
        if (!_frames.Writer.TryWrite(frame)) throw new ConnectionGoneException();
    }

    private async ValueTask WriteAsync(FrameWriter writer, Message frame, CancellationToken cancel)
    {
        if (frame.Buffer is null) return;
        await writer.WriteAsync(frame.Buffer.AsMemory(0, frame.Length), cancel);
        if (frame.Pooled) ArrayPool<byte>.Shared.Return(frame.Buffer);
        if (Interlocked.Add(ref _bytes, -frame.Length) <= MaxBytes && _written.CurrentCount == 0) _written.Release();
    }
}
