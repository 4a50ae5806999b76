using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <summary>The block allocation table of a VHD, whole in memory, and which of its sectors changed.</summary>
internal sealed class VhdTable
{
    /// <summary>16 MiB of memory: 2040 GiB in blocks of 512 KiB.</summary>
    internal const int MostEntries = 1 << 22;
    private const int SortedAtOnce = 1 << 19;

    /// <summary>A part of a file is 2^16 sectors, 32 MiB.</summary>
    private const int PartShift = 16;
    private const uint Absent = uint.MaxValue;
    private const int EntriesInSector = 128;
    private readonly IDiskFile _file;
    private readonly VhdHeader _header;
    private readonly byte[] _table;
    private readonly SortedSet<int> _dirty = [];

    private VhdTable(IDiskFile file, VhdHeader header)
    {
        _file = file;
        _header = header;
        _table = new byte[(int)VhdxLayout.RoundUp(header.TableEntries * 4L, 512)];
        _table.AsSpan().Fill(0xFF);
        file.Read(header.TableOffset, _table.AsSpan(0, header.TableEntries * 4));
    }

    /// <summary>First byte past the last block, the table and the header.</summary>
    internal long End { get; private set; }

    internal bool IsDirty => _dirty.Count > 0;

    internal int Entries => _header.TableEntries;

    /// <summary>The table as it stands in the file, with room for more entries, which are absent.</summary>
    internal byte[] ToBytes(int entries)
    {
        var bytes = new byte[(int)VhdxLayout.RoundUp(entries * 4L, 512)];
        bytes.AsSpan().Fill(0xFF);
        _table.AsSpan(0, Entries * 4).CopyTo(bytes);
        return bytes;
    }

    /// <summary>Where the block's bitmap starts in the file; -1 when the block is absent.</summary>
    internal long this[long block] => Sector(block) is var sector and not Absent ? sector * 512L : -1;

    internal void Set(long block, long fileOffset)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_table.AsSpan((int)block * 4), fileOffset < 0 ? Absent : checked((uint)(fileOffset / 512)));
        _dirty.Add((int)block / EntriesInSector);
        if (fileOffset >= 0) End = Math.Max(End, fileOffset + _header.BitmapSize + _header.BlockSize);
    }

    internal void Save()
    {
        foreach (var sector in _dirty) _file.Write(_header.TableOffset + (sector * 512L), _table.AsSpan(sector * 512, 512));
        _dirty.Clear();
    }

    /// <summary>Reads the table and refuses one whose blocks overlap each other, the headers, or the end.</summary>
    internal static VhdTable Load(IDiskFile file, VhdFooter footer, VhdHeader header)
    {
        var table = new VhdTable(file, header);
        var size = header.BitmapSize + (long)header.BlockSize;
        var tableEnd = header.TableOffset + (header.TableEntries * 4L);
        var last = 0L;
        for (var block = 0; block < header.TableEntries; block++)
        {
            var at = table[block];
            if (at < 0) continue;
            DiskFormatException Bad(string problem) => new(file.Path, "block allocation table", header.TableOffset + (block * 4L), $"block {block} lies at {at}: {problem}");
            if (at < VhdFooter.Size || at > file.Length - size) throw Bad("outside the file");
            if (at < tableEnd && header.TableOffset < at + size) throw Bad("the table lies there");
            if (at < footer.DataOffset + VhdHeader.Size && footer.DataOffset < at + size) throw Bad("the header lies there");
            last = Math.Max(last, at + size);
        }
        RefuseOverlaps(table, file, size);
        table.End = Math.Max(VhdxLayout.RoundUp(tableEnd, 512), footer.DataOffset + VhdHeader.Size);
        foreach (var (_, offset, length) in header.Locators) table.End = Math.Max(table.End, VhdxLayout.RoundUp(Math.Clamp(offset, 0, file.Length) + Math.Clamp(length, 0, VhdHeader.LongestPath), 512));
        table.End = Math.Max(table.End, last);
        return table;
    }

    /// <summary>Sorts the places of the blocks, a part of the file at a time, so that a full table takes little more memory than itself.</summary>
    private static void RefuseOverlaps(VhdTable table, IDiskFile file, long size)
    {
        var inPart = new int[1 << (32 - PartShift)];
        for (var block = 0; block < table.Entries; block++)
        {
            if (table.Sector(block) is var sector and not Absent) inPart[(int)(sector >> PartShift)]++;
        }
        var sorted = new uint[Math.Min(SortedAtOnce, inPart.Sum())];
        var before = long.MinValue;
        for (var part = 0; part < inPart.Length;)
        {
            // A part has room for fewer blocks than may be sorted at once; one that holds more holds two in the same place.
            if (inPart[part] > SortedAtOnce) throw Overlap(((long)part << PartShift) * 512);
            var from = part;
            var count = 0;
            while (part < inPart.Length && count + inPart[part] <= sorted.Length) count += inPart[part++];
            if (count > 0) before = CheckParts(from, part, count);
        }

        long CheckParts(int from, int to, int count)
        {
            var filled = 0;
            for (var block = 0; block < table.Entries && filled < count; block++)
            {
                if (table.Sector(block) is var sector and not Absent && sector >> PartShift >= from && sector >> PartShift < to) sorted[filled++] = sector;
            }
            var places = sorted.AsSpan(0, count);
            places.Sort();
            var previous = before;
            foreach (var sector in places)
            {
                if (previous >= 0 && (sector * 512L) - previous < size) throw Overlap(sector * 512L);
                previous = sector * 512L;
            }
            return previous;
        }

        DiskFormatException Overlap(long at) => new(file.Path, "block allocation table", table._header.TableOffset, $"two blocks overlap at {at}");
    }

    private uint Sector(long block) => BinaryPrimitives.ReadUInt32BigEndian(_table.AsSpan((int)block * 4));
}
