using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Stillpoint.VirtualDisks;

/// <summary>The dynamic disk header (VHD 1.0, "Dynamic Disk Header Format"); numbers big-endian, locator texts UTF-16LE.</summary>
internal sealed record VhdHeader
{
    internal const int Size = 1024;
    internal const long Nowhere = -1;
    private const int ChecksumField = 36;
    private const int LocatorEntry = 576;
    private const int LocatorEntries = 8;
    internal const int LongestPath = 64 << 10;

    internal required long TableOffset { get; init; }
    internal required int TableEntries { get; init; }
    internal required int BlockSize { get; init; }
    internal Guid ParentId { get; init; }
    internal uint ParentTimestamp { get; init; }
    internal string ParentName { get; init; } = "";

    /// <summary>Platform code, offset in the file, length in bytes.</summary>
    internal IReadOnlyList<(string Code, long Offset, int Length)> Locators { get; init; } = [];

    internal int BitmapSize => (int)VhdxLayout.RoundUp(BlockSize / 512 / 8, 512);

    internal byte[] ToBytes()
    {
        var bytes = new byte[Size];
        "cxsparse"u8.CopyTo(bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(8), Nowhere);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(16), TableOffset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(24), 0x00010000);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(28), TableEntries);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(32), BlockSize);
        ParentId.TryWriteBytes(bytes.AsSpan(40), bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(56), ParentTimestamp);
        Encoding.BigEndianUnicode.GetBytes(ParentName.AsSpan(0, Math.Min(255, ParentName.Length)), bytes.AsSpan(64, 512));
        for (var i = 0; i < Locators.Count; i++)
        {
            var entry = bytes.AsSpan(LocatorEntry + (i * 24));
            Encoding.ASCII.GetBytes(Locators[i].Code, entry);
            BinaryPrimitives.WriteInt32BigEndian(entry[4..], (int)VhdxLayout.RoundUp(Locators[i].Length, 512));
            BinaryPrimitives.WriteInt32BigEndian(entry[8..], Locators[i].Length);
            BinaryPrimitives.WriteInt64BigEndian(entry[16..], Locators[i].Offset);
        }
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(ChecksumField), VhdFooter.Checksum(bytes, ChecksumField));
        return bytes;
    }

    /// <summary>Points the header to another table. All that changes lies in one sector, so that a crash leaves the old header or the new.</summary>
    internal static void PointTo(IDiskFile file, long at, long table, int entries)
    {
        var bytes = new byte[Size];
        file.Read(at, bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(16), table);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(28), entries);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(ChecksumField), VhdFooter.Checksum(bytes, ChecksumField));
        file.Write(at, bytes.AsSpan(0, 512));
    }

    internal static VhdHeader Load(IDiskFile file, VhdFooter footer)
    {
        var at = footer.DataOffset;
        DiskFormatException Bad(string problem) => new(file.Path, "dynamic disk header", at, problem);
        if (at < VhdFooter.Size || at > file.Length - Size) throw Bad("lies outside the file");
        var bytes = new byte[Size];
        file.Read(at, bytes);
        if (!bytes.AsSpan().StartsWith("cxsparse"u8)) throw Bad("has no signature");
        if (BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(ChecksumField)) != VhdFooter.Checksum(bytes, ChecksumField)) throw Bad("has a wrong checksum");
        var entries = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(28));
        var blockSize = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(32));
        var table = BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(16));
        if (blockSize is < 4096 or > 256 << 20 || !BitOperations.IsPow2(blockSize)) throw Bad($"has blocks of {blockSize} bytes: not a power of two from 4 KiB to 256 MiB");
        var needed = (footer.DiskLength + blockSize - 1) / blockSize;
        if (entries < needed) throw Bad($"has {entries} table entries, but {needed} blocks");
        if (needed > VhdTable.MostEntries) throw Bad($"needs {needed} table entries; more than {VhdTable.MostEntries} are not read");
        if (table < VhdFooter.Size || table % 512 != 0 || table > file.Length || needed * 4 > file.Length - table) throw Bad($"puts the table at {unchecked((ulong)table)}, outside the file");
        if (at < table + (needed * 4) && table < at + Size) throw Bad("overlaps the table");
        return new VhdHeader
        {
            TableOffset = table,
            TableEntries = (int)needed,
            BlockSize = (int)blockSize,
            ParentId = new Guid(bytes.AsSpan(40, 16), bigEndian: true),
            ParentTimestamp = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(56)),
            ParentName = Encoding.BigEndianUnicode.GetString(bytes.AsSpan(64, 512)).TrimEnd('\0'),
            Locators = ReadLocators(bytes),
        };
    }

    /// <summary>The parent as VHDX says it, so that one resolver serves both.</summary>
    internal ParentLocator LoadLocator(IDiskFile file)
    {
        var entries = new Dictionary<string, string>(StringComparer.Ordinal) { [ParentLocator.LinkageKey] = ParentId.ToString("B") };
        foreach (var (code, offset, length) in Locators)
        {
            var key = code switch { "W2ru" => ParentLocator.RelativeKey, "W2ku" => ParentLocator.AbsoluteKey, _ => null };
            if (key is null) continue;
            if (length is < 0 or > LongestPath || offset < 0 || offset > file.Length - length)
            {
                throw new DiskFormatException(file.Path, "parent locator", offset, $"{code} has {length} bytes, outside the file or too many");
            }
            var text = new byte[length];
            file.Read(offset, text);
            entries.TryAdd(key, Encoding.Unicode.GetString(text).TrimEnd('\0'));
        }
        if (!entries.ContainsKey(ParentLocator.RelativeKey) && ParentName.Length > 0) entries[ParentLocator.RelativeKey] = @".\" + ParentName.Split('\\', '/')[^1];
        return new ParentLocator(entries);
    }

    private static List<(string, long, int)> ReadLocators(byte[] header)
    {
        var found = new List<(string, long, int)>();
        for (var i = 0; i < LocatorEntries; i++)
        {
            var entry = header.AsSpan(LocatorEntry + (i * 24), 24);
            if (BinaryPrimitives.ReadUInt32BigEndian(entry) == 0) continue;
            found.Add((Encoding.Latin1.GetString(entry[..4]), BinaryPrimitives.ReadInt64BigEndian(entry[16..]), BinaryPrimitives.ReadInt32BigEndian(entry[8..])));
        }
        return found;
    }
}
