using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <summary>The block allocation table of a VHD, whole in memory, and which of its sectors changed.</summary>
internal sealed class VhdTable
{
    /// <summary>16 MiB of memory: 2040 GiB in blocks of 512 KiB.</summary>
    internal const int MostEntries = 1 << 22;
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
    internal long this[long block] => BinaryPrimitives.ReadUInt32BigEndian(_table.AsSpan((int)block * 4)) is var sector and not Absent ? sector * 512L : -1;

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
        var places = new List<long> { };
        for (var block = 0; block < header.TableEntries; block++)
        {
            var at = table[block];
            if (at < 0) continue;
            DiskFormatException Bad(string problem) => new(file.Path, "block allocation table", header.TableOffset + (block * 4L), $"block {block} lies at {at}: {problem}");
            if (at < VhdFooter.Size || at > file.Length - size) throw Bad("outside the file");
            if (at < tableEnd && header.TableOffset < at + size) throw Bad("the table lies there");
            if (at < footer.DataOffset + VhdHeader.Size && footer.DataOffset < at + size) throw Bad("the header lies there");
            places.Add(at);
        }
        places.Sort();
        for (var i = 1; i < places.Count; i++)
        {
            if (places[i] - places[i - 1] < size) throw new DiskFormatException(file.Path, "block allocation table", header.TableOffset, $"two blocks overlap at {places[i]}");
        }
        table.End = Math.Max(VhdxLayout.RoundUp(tableEnd, 512), footer.DataOffset + VhdHeader.Size);
        foreach (var (_, offset, length) in header.Locators) table.End = Math.Max(table.End, VhdxLayout.RoundUp(Math.Clamp(offset, 0, file.Length) + Math.Clamp(length, 0, VhdHeader.LongestPath), 512));
        if (places.Count > 0) table.End = Math.Max(table.End, places[^1] + size);
        return table;
    }
}
