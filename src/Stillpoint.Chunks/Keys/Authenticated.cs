using System.Buffers.Binary;

namespace Stillpoint.Chunks;

/// <summary>The associated data of every sealed thing: format version, domain, kind, id, plain length. What decrypts under it is what was
/// asked for.</summary>
internal static class Authenticated
{
    public const int Size = 2 + 16 + 1 + 1 + 32 + 4;

    public static void Write(Span<byte> target, Guid domain, SealedKind kind, bool compressed, int plainLength)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(target, StoreFormat.Version);
        domain.TryWriteBytes(target[2..], bigEndian: true, out _);
        target[18] = (byte)kind;
        target[19] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(target[52..], plainLength);
    }

    public static Span<byte> IdPart(Span<byte> target) => target.Slice(20, 32);
}
