using System.Buffers.Binary;
using System.IO.Hashing;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>What a pack holds.</summary>
internal enum PackKind : byte
{
    Data = 1,
    Nodes = 2,
}

/// <summary>The open header of a pack.</summary>
internal sealed record PackHeader(PackKind Kind, ushort Epoch, Guid Unit, Guid Domain, Guid Pack, Guid Session, ReadOnlyMemory<byte> Salt);

/// <summary>The header before each record's bytes. For a node the plain and the stored length are the same.</summary>
internal readonly record struct RecordHeader(uint Number, int PlainLength, int StoredLength, bool Compressed, ChunkId Id);

/// <summary>An entry of a pack's trailer: a record's id, where its header starts, and the bytes behind that header.</summary>
internal readonly record struct PackEntry(ChunkId Id, uint Offset, int StoredLength);

/// <summary>The bytes of a pack. docs/FORMAT.md, "Pack".</summary>
internal static class PackFormat
{
    public const int HeaderSize = 128;
    public const int FooterSize = 32;
    public const int MaxStored = StoreFormat.MaxChunkSize + StoreFormat.TagSize;

    /// <summary>No record starts past this, so that offsets fit 32 bits with room to spare.</summary>
    public const long MaxLength = 1L << 31;

    /// <summary>The bytes that every record starts with.</summary>
    public static ReadOnlySpan<byte> RecordStart => "SPRC"u8;

    private const uint RecordMagic = 0x43525053; // "SPRC"
    private const uint FooterMagic = 0x52545053; // "SPTR"

    private static ReadOnlySpan<byte> HeaderMagic => "SPPACK\r\n"u8;

    public static void WriteHeader(PackHeader header, Span<byte> target)
    {
        target.Clear();
        HeaderMagic.CopyTo(target);
        BinaryPrimitives.WriteUInt16LittleEndian(target[8..], StoreFormat.Version);
        target[10] = (byte)header.Kind;
        BinaryPrimitives.WriteUInt16LittleEndian(target[12..], header.Epoch);
        header.Unit.TryWriteBytes(target[16..], bigEndian: true, out _);
        header.Domain.TryWriteBytes(target[32..], bigEndian: true, out _);
        header.Pack.TryWriteBytes(target[48..], bigEndian: true, out _);
        header.Session.TryWriteBytes(target[64..], bigEndian: true, out _);
        header.Salt.Span.CopyTo(target[80..]);
        XxHash128.Hash(target[..112], target[112..]);
    }

    public static PackHeader ReadHeader(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < HeaderSize || !bytes[..8].SequenceEqual(HeaderMagic)) throw Damage.Of($"pack {name}", "it does not begin as a pack");
        var version = BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]);
        if (version != StoreFormat.Version) throw UnitTrouble.Version($"pack {name}", version);
        Span<byte> hash = stackalloc byte[16];
        XxHash128.Hash(bytes[..112], hash);
        if (!hash.SequenceEqual(bytes.Slice(112, 16))) throw Damage.Of($"pack {name}", "the checksum of its header does not match");
        var kind = (PackKind)bytes[10];
        if (kind is not (PackKind.Data or PackKind.Nodes)) throw Damage.Of($"pack {name}", $"kind {bytes[10]} is unknown");
        return new PackHeader(
            kind, BinaryPrimitives.ReadUInt16LittleEndian(bytes[12..]), Id(bytes[16..]), Id(bytes[32..]), Id(bytes[48..]), Id(bytes[64..]),
            bytes.Slice(80, StoreFormat.SaltSize).ToArray());
    }

    /// <summary>Writes a record's header; its checksum covers header and content.</summary>
    public static void WriteRecordHeader(RecordHeader header, ReadOnlySpan<byte> content, Span<byte> target)
    {
        target[..StoreFormat.RecordHeaderSize].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, RecordMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], header.Number);
        BinaryPrimitives.WriteInt32LittleEndian(target[8..], header.PlainLength);
        BinaryPrimitives.WriteInt32LittleEndian(target[12..], header.StoredLength);
        target[16] = header.Compressed ? (byte)1 : (byte)0;
        header.Id.Write(target[24..]);
        Checksum(target[..56], content, target.Slice(56, 16));
    }

    /// <summary>Reads a record's header, without looking at its checksum; false when no record can start so.</summary>
    public static bool TryReadRecordHeader(ReadOnlySpan<byte> bytes, out RecordHeader header)
    {
        header = default;
        if (bytes.Length < StoreFormat.RecordHeaderSize || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != RecordMagic) return false;
        header = new RecordHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]), bytes[16] == 1, ChunkId.Read(bytes[24..]));
        return bytes[16] <= 1 && header.PlainLength is > 0 and <= StoreFormat.MaxChunkSize && header.StoredLength is > 0 and <= MaxStored;
    }

    /// <summary>True when the record's checksum holds.</summary>
    /// <param name="record">Header and content.</param>
    public static bool IsSound(ReadOnlySpan<byte> record)
    {
        Span<byte> hash = stackalloc byte[16];
        Checksum(record[..56], record[StoreFormat.RecordHeaderSize..], hash);
        return hash.SequenceEqual(record.Slice(56, 16));
    }

    /// <summary>Entries and footer.</summary>
    /// <param name="entries">In the order of their offsets.</param>
    /// <param name="offset">Where the trailer starts.</param>
    public static byte[] WriteTrailer(IReadOnlyList<PackEntry> entries, long offset)
    {
        var bytes = new byte[checked(entries.Count * StoreFormat.TrailerEntrySize + FooterSize)];
        var at = bytes.AsSpan();
        foreach (var entry in entries)
        {
            entry.Id.Write(at);
            BinaryPrimitives.WriteUInt32LittleEndian(at[32..], entry.Offset);
            BinaryPrimitives.WriteInt32LittleEndian(at[36..], entry.StoredLength);
            at = at[StoreFormat.TrailerEntrySize..];
        }
        BinaryPrimitives.WriteInt64LittleEndian(at, offset);
        BinaryPrimitives.WriteInt32LittleEndian(at[8..], entries.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(at[12..], FooterMagic);
        XxHash128.Hash(bytes.AsSpan(0, bytes.Length - 16), at[16..]);
        return bytes;
    }

    /// <summary>Where the trailer starts and how many entries it has; null when the last bytes of the pack are no footer.</summary>
    public static (long Offset, int Count)? ReadFooter(ReadOnlySpan<byte> footer, long packLength)
    {
        if (footer.Length < FooterSize || BinaryPrimitives.ReadUInt32LittleEndian(footer[12..]) != FooterMagic) return null;
        var offset = BinaryPrimitives.ReadInt64LittleEndian(footer);
        long count = BinaryPrimitives.ReadUInt32LittleEndian(footer[8..]);
        // Each entry stands for a record of one byte at least, so that a false count asks for no more memory than the pack is long.
        if (offset < HeaderSize || offset > packLength || offset > MaxLength + StoreFormat.RecordHeaderSize + MaxStored) return null;
        if (count > (offset - HeaderSize) / (StoreFormat.RecordHeaderSize + 1)) return null;
        return offset + count * StoreFormat.TrailerEntrySize + FooterSize == packLength ? (offset, (int)count) : null;
    }

    /// <summary>The entries of a whole trailer; null when its checksum or its order is wrong.</summary>
    public static PackEntry[]? ReadTrailer(ReadOnlySpan<byte> trailer, long offset, int count)
    {
        Span<byte> hash = stackalloc byte[16];
        XxHash128.Hash(trailer[..^16], hash);
        if (!hash.SequenceEqual(trailer[^16..])) return null;
        var entries = new PackEntry[count];
        long end = HeaderSize;
        for (var i = 0; i < count; i++)
        {
            var at = trailer[(i * StoreFormat.TrailerEntrySize)..];
            var entry = new PackEntry(
                ChunkId.Read(at), BinaryPrimitives.ReadUInt32LittleEndian(at[32..]), BinaryPrimitives.ReadInt32LittleEndian(at[36..]));
            if (entry.Offset != end || entry.StoredLength is < 1 or > MaxStored) return null;
            end += StoreFormat.RecordHeaderSize + entry.StoredLength;
            entries[i] = entry;
        }
        return end == offset ? entries : null;
    }

    private static void Checksum(ReadOnlySpan<byte> header, ReadOnlySpan<byte> content, Span<byte> target)
    {
        var hash = t_hash ??= new XxHash128();
        hash.Reset();
        hash.Append(header);
        hash.Append(content);
        hash.GetCurrentHash(target);
    }

    private static Guid Id(ReadOnlySpan<byte> bytes) => new(bytes[..16], bigEndian: true);

    [ThreadStatic]
    private static XxHash128? t_hash;
}
