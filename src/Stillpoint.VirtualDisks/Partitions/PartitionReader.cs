using System.Buffers.Binary;
using System.Text;

namespace Stillpoint.VirtualDisks;

/// <summary>Reads MBR and GPT (UEFI 2.10, chapter 5). A table that lies yields warnings and what of it makes sense; the disk is not written.</summary>
public static class PartitionReader
{
    private const int MostEntries = 1024;
    private const int MostLogical = 128;
    private const byte ProtectiveType = 0xEE;

    /// <summary>Partitions and file systems of a disk.</summary>
    public static DiskContents Read(VirtualDisk disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        var warnings = new List<string>();
        var first = new byte[512];
        disk.ReadOrZero(0, first);
        var signed = first[510] == 0x55 && first[511] == 0xAA;
        var protective = signed && Enumerable.Range(0, 4).Any(i => first[446 + (i * 16) + 4] == ProtectiveType);
        if (protective && Gpt(disk, warnings) is { } gpt) return new(PartitionScheme.Gpt, gpt, null, warnings);
        // A boot sector of a file system ends in the same two bytes as an MBR.
        var whole = FileSystems.Recognise(disk, 0, disk.Length);
        if (whole is not null || !signed) return new(PartitionScheme.None, [], whole, warnings);
        var partitions = Mbr(disk, first, warnings);
        return new(partitions.Count > 0 || protective ? PartitionScheme.Mbr : PartitionScheme.None, partitions, null, warnings);
    }

    private static List<Partition>? Gpt(VirtualDisk disk, List<string> warnings)
    {
        var sector = disk.LogicalSectorSize;
        if (GptTable(disk, sector) is { } primary) return primary;
        warnings.Add("The GPT header at the start is damaged; the one at the end was used.");
        if (GptTable(disk, disk.Length - sector) is { } backup) return backup;
        warnings[^1] = "Both GPT headers are damaged.";
        return null;
    }

    private static List<Partition>? GptTable(VirtualDisk disk, long at)
    {
        var sector = disk.LogicalSectorSize;
        var header = new byte[sector];
        disk.ReadOrZero(at, header);
        var size = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12));
        if (!header.AsSpan().StartsWith("EFI PART"u8) || size < 92 || size > sector) return null;
        var crc = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(16));
        header.AsSpan(16, 4).Clear();
        if (Crc32.Of(header.AsSpan(0, (int)size)) != crc) return null;
        var tableSector = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(72));
        var count = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(80));
        var entrySize = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(84));
        if (tableSector >= (ulong)(disk.Length / sector) || count > MostEntries || entrySize is < 128 or > 4096) return null;
        var table = new byte[checked((int)(count * entrySize))];
        disk.ReadOrZero((long)tableSector * sector, table);
        if (Crc32.Of(table) != BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(88))) return null;
        var found = new List<Partition>();
        for (var i = 0; i < (int)count; i++)
        {
            var entry = table.AsSpan(i * (int)entrySize, 128);
            var type = new Guid(entry[..16]);
            if (type == Guid.Empty) continue;
            var start = BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]);
            var last = BinaryPrimitives.ReadUInt64LittleEndian(entry[40..]);
            if (start > last || last >= (ulong)(disk.Length / sector)) continue;
            var name = Encoding.Unicode.GetString(entry.Slice(56, 72)).Split('\0')[0];
            found.Add(Make(disk, i + 1, (long)start * sector, (long)(last - start + 1) * sector, type.ToString(), name));
        }
        return found;
    }

    private static List<Partition> Mbr(VirtualDisk disk, byte[] record, List<string> warnings)
    {
        var found = new List<Partition>();
        for (var i = 0; i < 4; i++)
        {
            var (type, start, count) = Entry(record, i);
            if (type == 0 || count == 0) continue;
            if (type is 0x05 or 0x0F or 0x85) Logical(disk, start, found, warnings);
            else Add(disk, found, i + 1, type, start, count, warnings);
        }
        return found;
    }

    /// <summary>The chain of extended boot records; each names one partition and the next record.</summary>
    private static void Logical(VirtualDisk disk, long extended, List<Partition> found, List<string> warnings)
    {
        var record = new byte[512];
        var at = extended;
        for (var i = 0; i < MostLogical; i++)
        {
            if (at * disk.LogicalSectorSize >= disk.Length) break;
            disk.ReadOrZero(at * disk.LogicalSectorSize, record);
            if (record[510] != 0x55 || record[511] != 0xAA) break;
            var (type, start, count) = Entry(record, 0);
            if (type != 0 && count != 0) Add(disk, found, 5 + i, type, at + start, count, warnings);
            var (nextType, next, _) = Entry(record, 1);
            if (nextType == 0 || next == 0) return;
            if (extended + next <= at) break; // records come in order; a step back is a loop
            at = extended + next;
        }
        warnings.Add("The chain of logical partitions is damaged.");
    }

    private static void Add(VirtualDisk disk, List<Partition> found, int number, byte type, long start, long count, List<string> warnings)
    {
        var sector = disk.LogicalSectorSize;
        if (start * sector >= disk.Length)
        {
            warnings.Add($"Partition {number} starts past the end of the disk.");
            return;
        }
        found.Add(Make(disk, number, start * sector, Math.Min(count * sector, disk.Length - (start * sector)), type.ToString("X2"), null));
    }

    private static Partition Make(VirtualDisk disk, int number, long offset, long length, string type, string? name) =>
        new(number, offset, length, type, name, FileSystems.Recognise(disk, offset, length));

    private static (byte Type, long Start, long Count) Entry(byte[] record, int index)
    {
        var entry = record.AsSpan(446 + (index * 16), 16);
        return (entry[4], BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]), BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]));
    }
}
