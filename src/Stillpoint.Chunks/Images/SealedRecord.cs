using System.Text;

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
/// <param name="Epoch">Epoch of the data key; <see cref="OpenEpoch"/> for a text that is not sealed.</param>
/// <param name="Salt">32 random bytes.</param>
/// <param name="Bytes">Cipher text followed by its 16-byte tag.</param>
public sealed record SealedBlob(ushort Epoch, ReadOnlyMemory<byte> Salt, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>Stands in place of an epoch where nothing is sealed: whoever writes a note without a key writes its text in the open.</summary>
    public const ushort OpenEpoch = ushort.MaxValue;

    /// <summary>True for a text in the open.</summary>
    public bool IsOpen => Epoch == OpenEpoch;

    /// <summary>A text in the open, for those who hold no key. Nothing proves who wrote it.</summary>
    public static SealedBlob Open(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        // As long as a tag at least, as every blob is.
        return new SealedBlob(OpenEpoch, new byte[StoreFormat.SaltSize], bytes.Length >= StoreFormat.TagSize ? bytes : [.. bytes, .. new byte[StoreFormat.TagSize - bytes.Length]]);
    }

    /// <summary>The text of an open blob.</summary>
    /// <exception cref="Model.TroubleException">It is sealed, or no text.</exception>
    public string OpenText()
    {
        if (!IsOpen) throw Damage.Of("a note", "it is sealed where an open text is due");
        try
        {
            return s_strict.GetString(Bytes.Span.TrimEnd((byte)0));
        }
        catch (DecoderFallbackException e)
        {
            throw Damage.Of("a note", "its text is not UTF-8", e);
        }
    }

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
}
