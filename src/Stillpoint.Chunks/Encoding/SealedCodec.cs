using System.Buffers.Binary;

namespace Stillpoint.Chunks;

/// <summary>Sealed things in bytes, where they travel or lie outside a pack.</summary>
public static class SealedCodec
{
    /// <summary>Largest sealed blob, bytes: changed ranges of a disk in 16 million runs.</summary>
    public const int MaxBlob = 128 << 20;

    /// <summary>Bytes of a record before its cipher text: salt, number, epoch, id, plain length, flag, length.</summary>
    public const int RecordPrefixSize = StoreFormat.SaltSize + 4 + 2 + ChunkId.Size + 4 + 1 + 4;

    /// <summary>Appends a blob.</summary>
    public static void Write(ByteWriter writer, SealedBlob blob)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(blob);
        writer.U16(blob.Epoch);
        writer.Raw(blob.Salt.Span);
        writer.U32((uint)blob.Bytes.Length);
        writer.Raw(blob.Bytes.Span);
    }

    /// <summary>Reads a blob; its bytes are copied.</summary>
    public static SealedBlob ReadBlob(ref ByteReader reader)
    {
        var epoch = reader.U16();
        var salt = reader.Take(StoreFormat.SaltSize);
        var length = reader.U32();
        if (length is < StoreFormat.TagSize or > MaxBlob) throw Damage.Of("a sealed object", $"it claims {length} bytes");
        ReadOnlyMemory<byte> both = (byte[])[.. salt, .. reader.Take((int)length)];
        return new SealedBlob(epoch, both[..StoreFormat.SaltSize], both[StoreFormat.SaltSize..]);
    }

    /// <summary>Writes all of a record but its cipher text, which follows as it is.</summary>
    /// <param name="record">The record.</param>
    /// <param name="target"><see cref="RecordPrefixSize"/> bytes.</param>
    public static void WritePrefix(SealedRecord record, Span<byte> target)
    {
        ArgumentNullException.ThrowIfNull(record);
        record.PackSalt.Span.CopyTo(target);
        target = target[StoreFormat.SaltSize..];
        BinaryPrimitives.WriteUInt32LittleEndian(target, record.Number);
        BinaryPrimitives.WriteUInt16LittleEndian(target[4..], record.Epoch);
        record.Id.Write(target[6..]);
        BinaryPrimitives.WriteInt32LittleEndian(target[38..], record.PlainLength);
        target[42] = record.Compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(target[43..], record.Bytes.Length);
    }

    /// <summary>Reads a record from its prefix and the cipher text behind it. The record keeps both arrays; nothing is copied.</summary>
    /// <param name="bytes">Prefix and cipher text, nothing more.</param>
    public static SealedRecord ReadRecord(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes.Span, "a record");
        reader.Take(StoreFormat.SaltSize);
        var number = reader.U32();
        var epoch = reader.U16();
        var id = ChunkId.Read(reader.Take(ChunkId.Size));
        var plain = reader.U32();
        var compressed = reader.Flag();
        var length = reader.U32();
        if (plain is 0 or > StoreFormat.MaxChunkSize || length != reader.Remaining || length <= StoreFormat.TagSize || length > plain + StoreFormat.TagSize)
            throw Damage.Of("a record", $"it claims {plain} plain and {length} sealed bytes of {reader.Remaining}");
        return new SealedRecord(bytes[..StoreFormat.SaltSize], number, epoch, id, (int)plain, compressed, bytes[RecordPrefixSize..]);
    }
}
