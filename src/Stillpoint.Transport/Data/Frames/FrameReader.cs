using System.Buffers;
using System.Buffers.Binary;

namespace Stillpoint.Transport;

/// <summary>One frame; the body is valid until the next read.</summary>
internal readonly record struct Frame(FrameKind Kind, uint Call, ReadOnlyMemory<byte> Body);

/// <summary>Cuts a stream into frames. Holds one buffer that grows only as fast as bytes really arrive, so a length that lies costs its
/// sender, not us.</summary>
internal sealed class FrameReader(Stream stream) : IDisposable
{
    private const int Usual = 256 << 10;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(Usual);
    private int _start;
    private int _end;

    /// <summary>True when the next frame is here already.</summary>
    internal bool HasNext =>
        _end - _start >= WireFormat.HeaderSize
        && _end - _start - WireFormat.HeaderSize >= BinaryPrimitives.ReadInt32LittleEndian(_buffer.AsSpan(_start));

    /// <summary>Reads the next frame.</summary>
    /// <exception cref="WireException">The bytes are no frame.</exception>
    /// <exception cref="EndOfStreamException">The other side closed.</exception>
    internal async ValueTask<Frame> ReadAsync(CancellationToken cancel)
    {
        while (_end - _start < WireFormat.HeaderSize) await FillAsync(WireFormat.HeaderSize, cancel);
        var header = _buffer.AsSpan(_start, WireFormat.HeaderSize);
        var length = BinaryPrimitives.ReadInt32LittleEndian(header);
        var word = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        var call = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (word > byte.MaxValue) throw new WireException("a frame's reserved bytes are not zero");
        var kind = (FrameKind)word;
        var most = WireFormat.MaxBody(kind);
        if (most < 0) throw new WireException($"there is no frame of kind 0x{word:x2}");
        if (length < 0 || length > most) throw new WireException($"a frame of kind {kind} claims {(uint)length} bytes, {most} is the most");
        _start += WireFormat.HeaderSize;
        while (_end - _start < length) await FillAsync(length, cancel);
        var body = _buffer.AsMemory(_start, length);
        _start += length;
        return new Frame(kind, call, body);
    }

    public void Dispose()
    {
        var buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    private async ValueTask FillAsync(int needed, CancellationToken cancel)
    {
        MakeRoom(needed);
        var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancel);
        if (read == 0) throw new EndOfStreamException("The other side closed the connection.");
        _end += read;
    }

    /// <summary>Room behind what is there: by moving it to the front, in a larger buffer when it is full, in a usual one when it is empty.</summary>
    private void MakeRoom(int needed)
    {
        var held = _end - _start;
        if (held == 0)
        {
            _start = _end = 0;
            if (_buffer.Length > 4 * Usual && needed <= Usual) Swap(Usual, 0);
            return;
        }
        if (_start + needed <= _buffer.Length && _end < _buffer.Length) return;
        if (held < _buffer.Length) Move(_buffer, held);
        else Swap(checked(_buffer.Length * 2), held);
    }

    private void Swap(int size, int held)
    {
        var old = _buffer;
        var larger = ArrayPool<byte>.Shared.Rent(size);
        old.AsSpan(_start, held).CopyTo(larger);
        _buffer = larger;
        _start = 0;
        _end = held;
        ArrayPool<byte>.Shared.Return(old);
    }

    private void Move(byte[] buffer, int held)
    {
        if (_start == 0) return;
        buffer.AsSpan(_start, held).CopyTo(buffer);
        _start = 0;
        _end = held;
    }
}
