using System.Buffers.Binary;
using System.Text;

namespace Stillpoint.Chunks;

/// <summary>Writes the small objects of the format: little-endian integers, ids as bytes, strings as UTF-8 behind a length.</summary>
public sealed class ByteWriter
{
    private byte[] _bytes = new byte[256];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public byte[] ToArray() => Written.ToArray();

    public void U8(byte value) => Take(1)[0] = value;

    public void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), value);

    public void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    public void I64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    /// <summary>Seven bits a byte, lowest first; the top bit says that more follow.</summary>
    public void VarInt(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        var rest = (ulong)value;
        for (; rest >= 0x80; rest >>= 7) U8((byte)((rest & 0x7f) | 0x80));
        U8((byte)rest);
    }

    public void Id(Guid value) => value.TryWriteBytes(Take(16), bigEndian: true, out _);

    public void OptionalId(Guid? value)
    {
        U8(value is null ? (byte)0 : (byte)1);
        if (value is { } id) Id(id);
    }

    public void Node(NodeId value) => value.Write(Take(NodeId.Size));

    public void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    public void Text(string value)
    {
        var count = Encoding.UTF8.GetByteCount(value);
        VarInt(count);
        Encoding.UTF8.GetBytes(value, Take(count));
    }

    public void OptionalText(string? value)
    {
        U8(value is null ? (byte)0 : (byte)1);
        if (value is not null) Text(value);
    }

    private Span<byte> Take(int count)
    {
        if (_length + count > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + count));
        var span = _bytes.AsSpan(_length, count);
        _length += count;
        return span;
    }
}
