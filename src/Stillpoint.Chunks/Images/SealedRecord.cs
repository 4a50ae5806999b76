namespace Stillpoint.Chunks;

/// <summary>
/// A chunk as it is stored: compressed where that helps, then encrypted under its pack's key. The pack key is derived from the domain's
/// data key and the pack's 32 random bytes; the nonce is the record's number in the pack, so key and nonce never depend on content.
/// </summary>
/// <param name="PackSalt">The pack's 32 random bytes, made by whoever seals; one sealer owns a pack.</param>
/// <param name="Number">The record's number in the pack, counted from 0, used once.</param>
/// <param name="Epoch">Epoch of the data key.</param>
/// <param name="Id">The chunk.</param>
/// <param name="PlainLength">Bytes of the plain chunk.</param>
/// <param name="Compressed">True when what is encrypted is a zstd frame.</param>
/// <param name="Bytes">Cipher text followed by its 16-byte tag.</param>
public sealed record SealedRecord(
    ReadOnlyMemory<byte> PackSalt, uint Number, ushort Epoch, ChunkId Id, int PlainLength, bool Compressed, ReadOnlyMemory<byte> Bytes);

/// <summary>A small secret: AES-256-GCM under a key derived from the domain's data key and 32 random bytes of its own.</summary>
/// <param name="Epoch">Epoch of the data key.</param>
/// <param name="Salt">32 random bytes.</param>
/// <param name="Bytes">Cipher text followed by its 16-byte tag.</param>
public sealed record SealedBlob(ushort Epoch, ReadOnlyMemory<byte> Salt, ReadOnlyMemory<byte> Bytes);
