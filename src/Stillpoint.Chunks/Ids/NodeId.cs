using System.Buffers.Binary;

namespace Stillpoint.Chunks;

/// <summary>The name of an image tree node: SHA-256 of its bytes, 32 bytes. No key is needed to compute or check it.</summary>
public readonly record struct NodeId(ulong A, ulong B, ulong C, ulong D)
{
    /// <summary>Bytes of an id.</summary>
    public const int Size = 32;

    /// <summary>Reads 32 bytes.</summary>
    public static NodeId Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]));

    /// <summary>Writes 32 bytes.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, A);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], B);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], C);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], D);
    }

    /// <summary>64 hexadecimal digits.</summary>
    public override string ToString() => $"{A:x16}{B:x16}{C:x16}{D:x16}";
}
