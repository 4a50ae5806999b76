using System.Buffers.Binary;
using System.IO.Hashing;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>A pack in a run's table.</summary>
/// <param name="File">The pack, with all that its own header says.</param>
/// <param name="Records">Number of its entries in the run: all that it holds.</param>
internal sealed record RunPack(PackFile File, int Records);

/// <summary>What a run's footer says.</summary>
internal readonly record struct RunFooter(long Entries, int Packs);

/// <summary>The bytes of a run of the index: a head page, pages of sorted entries, tables, a footer. docs/FORMAT.md, "Index".</summary>
internal static class RunFormat
{
    /// <summary>Bytes of a page. Small, so that one look-up reads and proves little; 42 entries and a checksum fill it to the byte.</summary>
    public const int PageSize = 1024;
    public const int PageContent = PageSize - ChecksumSize;
    public const int EntriesPerPage = PageContent / RunEntry.Size;
    public const int PackRowSize = 80, FenceSize = 8, FooterSize = 32;

    /// <summary>Packs that one run may cover.</summary>
    public const int MaxPacks = 1 << 24;

    /// <summary>The tables are held in memory; a run of 5 billion entries would have this much of them.</summary>
    public const long MaxTables = 1L << 30;

    private const int ChecksumSize = 16;
    private const uint FooterMagic = 0x58495053; // "SPIX"

    private static ReadOnlySpan<byte> HeadMagic => "SPINDEX\n"u8;

    public static long Pages(long entries) => (entries + EntriesPerPage - 1) / EntriesPerPage;

    /// <summary>Where the tables start: behind the head page and the pages of entries.</summary>
    public static long TablesAt(long entries) => (1 + Pages(entries)) * PageSize;

    public static long TablesSize(RunFooter footer) => footer.Packs * (long)PackRowSize + Pages(footer.Entries) * FenceSize + FooterSize;

    public static void WriteHead(Span<byte> page, Guid unit, Guid domain, Guid run)
    {
        page.Clear();
        HeadMagic.CopyTo(page);
        BinaryPrimitives.WriteUInt16LittleEndian(page[8..], StoreFormat.Version);
        unit.TryWriteBytes(page[16..], bigEndian: true, out _);
        domain.TryWriteBytes(page[32..], bigEndian: true, out _);
        run.TryWriteBytes(page[48..], bigEndian: true, out _);
        SealPage(page, run, 0);
    }

    /// <summary>Null when the page is the head of that run, else what is wrong.</summary>
    public static string? CheckHead(ReadOnlySpan<byte> page, Guid unit, Guid domain, Guid run)
    {
        if (!page.StartsWith(HeadMagic)) return "it does not begin as a run";
        var version = BinaryPrimitives.ReadUInt16LittleEndian(page[8..]);
        if (version != StoreFormat.Version) return $"it has format version {version}";
        if (!IsSoundPage(page, run, 0)) return "the checksum of its head does not match";
        return Id(page[16..]) != unit || Id(page[32..]) != domain || Id(page[48..]) != run ? "it belongs elsewhere" : null;
    }

    /// <summary>Puts the checksum at the end of a page. It takes in run and page, so that no page passes for another.</summary>
    public static void SealPage(Span<byte> page, Guid run, long number) =>
        XxHash128.Hash(page[..PageContent], page[PageContent..], Seed(run, number));

    public static bool IsSoundPage(ReadOnlySpan<byte> page, Guid run, long number)
    {
        Span<byte> hash = stackalloc byte[ChecksumSize];
        XxHash128.Hash(page[..PageContent], hash, Seed(run, number));
        return hash.SequenceEqual(page[PageContent..]);
    }

    public static void WritePack(RunPack pack, Span<byte> row)
    {
        var header = pack.File.Header;
        row.Clear();
        header.Pack.TryWriteBytes(row, bigEndian: true, out _);
        header.Session.TryWriteBytes(row[16..], bigEndian: true, out _);
        header.Salt.Span.CopyTo(row[32..]);
        BinaryPrimitives.WriteInt64LittleEndian(row[64..], pack.File.Length);
        BinaryPrimitives.WriteInt32LittleEndian(row[72..], pack.Records);
        BinaryPrimitives.WriteUInt16LittleEndian(row[76..], header.Epoch);
        row[78] = (byte)header.Kind;
    }

    /// <summary>Null when no pack can look so.</summary>
    public static RunPack? ReadPack(ReadOnlyMemory<byte> row, Guid unit, Guid domain)
    {
        var bytes = row.Span;
        var kind = (PackKind)bytes[78];
        var length = BinaryPrimitives.ReadInt64LittleEndian(bytes[64..]);
        var records = BinaryPrimitives.ReadInt32LittleEndian(bytes[72..]);
        if (kind is not (PackKind.Data or PackKind.Nodes) || length < PackFormat.HeaderSize || records < 0) return null;
        var header = new PackHeader(
            kind, BinaryPrimitives.ReadUInt16LittleEndian(bytes[76..]), unit, domain, Id(bytes), Id(bytes[16..]), row.Slice(32, StoreFormat.SaltSize));
        return new RunPack(new PackFile(UnitNames.Pack(header), length, header), records);
    }

    /// <summary>Writes the footer's fields; its checksum reaches over all tables and comes from <see cref="SealTables"/>.</summary>
    public static void WriteFooter(RunFooter footer, Span<byte> target)
    {
        BinaryPrimitives.WriteInt64LittleEndian(target, footer.Entries);
        BinaryPrimitives.WriteInt32LittleEndian(target[8..], footer.Packs);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], FooterMagic);
    }

    /// <summary>Null when the last bytes of a run of that length are no footer.</summary>
    public static RunFooter? ReadFooter(ReadOnlySpan<byte> bytes, long length)
    {
        if (bytes.Length != FooterSize || BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]) != FooterMagic) return null;
        var footer = new RunFooter(BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]));
        if (footer.Entries < 0 || footer.Entries > length / RunEntry.Size || footer.Packs is < 0 or > MaxPacks) return null;
        var tables = TablesSize(footer);
        return tables <= MaxTables && TablesAt(footer.Entries) + tables == length ? footer : null;
    }

    public static void SealTables(Span<byte> tables, Guid run) => XxHash128.Hash(tables[..^ChecksumSize], tables[^ChecksumSize..], Seed(run, -1));

    public static bool AreSoundTables(ReadOnlySpan<byte> tables, Guid run)
    {
        Span<byte> hash = stackalloc byte[ChecksumSize];
        XxHash128.Hash(tables[..^ChecksumSize], hash, Seed(run, -1));
        return hash.SequenceEqual(tables[^ChecksumSize..]);
    }

    private static long Seed(Guid run, long number)
    {
        Span<byte> id = stackalloc byte[16];
        run.TryWriteBytes(id, bigEndian: true, out _);
        return unchecked(BinaryPrimitives.ReadInt64LittleEndian(id) + number);
    }

    private static Guid Id(ReadOnlySpan<byte> bytes) => new(bytes[..16], bigEndian: true);
}
