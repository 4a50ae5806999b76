using System.Buffers.Binary;
using System.Security.Cryptography;
using Stillpoint.Chunks;

namespace Stillpoint.Store.Tests;

/// <summary>Records that a patched client makes with the right key: any content, any claim.</summary>
internal static class Forged
{
    public static SealedRecord Record(DomainKeys keys, ChunkId id, ReadOnlySpan<byte> content, int plainLength, bool compressed)
    {
        var salt = new byte[StoreFormat.SaltSize];
        salt[0] = 7;
        var bytes = new byte[content.Length + StoreFormat.TagSize];
        Span<byte> authenticated = stackalloc byte[Authenticated.Size];
        Authenticated.Write(authenticated, keys.Domain, SealedKind.Chunk, compressed, plainLength);
        id.Write(Authenticated.IdPart(authenticated));
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, 3);
        using var cipher = new AesGcm(keys.PackKey(0, salt), StoreFormat.TagSize);
        cipher.Encrypt(nonce, content, bytes.AsSpan(0, content.Length), bytes.AsSpan(content.Length), authenticated);
        return new SealedRecord(salt, 3, 0, id, plainLength, compressed, bytes);
    }
}
