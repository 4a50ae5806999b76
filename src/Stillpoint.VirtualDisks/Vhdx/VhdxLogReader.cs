using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <summary>Finds the active sequence of a dirty log (MS-VHDX 2.3.3) and reads what it asks for. Writes nothing.</summary>
internal sealed class VhdxLogReader
{
    private const int EntryHeader = 64;
    private const int DescriptorSize = 32;
    private readonly IDiskFile _file;
    private readonly VhdxHeader _header;
    private readonly byte[] _piece = new byte[1 << 20];
    private readonly Dictionary<long, Entry> _entries = [];

    private VhdxLogReader(IDiskFile file, VhdxHeader header)
    {
        _file = file;
        _header = header;
        if (header.LogLength > VhdxLayout.LongestLog) throw Bad(0, $"is dirty and has {header.LogLength} bytes; more than {VhdxLayout.LongestLog} is not read");
    }

    internal static LoggedChanges Read(IDiskFile file, VhdxHeader header)
    {
        var reader = new VhdxLogReader(file, header);
        reader.FindEntries();
        return reader.Collect(reader.ActiveSequence());
    }

    private DiskFormatException Bad(long position, string problem) => new(_file.Path, "log", _header.LogOffset + position, problem);

    private void FindEntries()
    {
        // Whole entries do not overlap, so honest ones sum up to one log length, and torn or stale ones to little more.
        var budget = 64L * _header.LogLength;
        var window = new byte[1 << 20];
        for (long at = 0; at < _header.LogLength; at += VhdxLayout.Page)
        {
            // A log has whole MiB.
            if (at % window.Length == 0) _file.Read(_header.LogOffset + at, window);
            var head = window.AsSpan((int)(at % window.Length), VhdxLayout.Page);
            if (!head.StartsWith("loge"u8) || new Guid(head.Slice(32, 16)) != _header.LogId) continue;
            var length = BinaryPrimitives.ReadUInt32LittleEndian(head[8..]);
            var tail = BinaryPrimitives.ReadUInt32LittleEndian(head[12..]);
            var sequence = BinaryPrimitives.ReadUInt64LittleEndian(head[16..]);
            if (length == 0 || length % VhdxLayout.Page != 0 || length > _header.LogLength || tail % VhdxLayout.Page != 0 || tail >= _header.LogLength || sequence == 0) continue;
            budget -= length;
            if (budget < 0) throw Bad(at, "holds entries that overlap each other many times over");
            if (BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) != Checksum(at, length)) continue;
            _entries[at] = new Entry(at, length, tail, sequence);
        }
    }

    /// <summary>The complete sequence with the newest head: from the head's tail, entry after entry, numbers rising by one.</summary>
    private List<Entry> ActiveSequence()
    {
        var budget = 64L * (_header.LogLength / VhdxLayout.Page);
        foreach (var head in _entries.Values.OrderByDescending(e => e.Sequence))
        {
            var chain = new List<Entry>();
            var at = (long)head.Tail;
            while (_entries.TryGetValue(at, out var entry) && (chain.Count == 0 || entry.Sequence == unchecked(chain[^1].Sequence + 1)))
            {
                if (--budget < 0) throw Bad(at, "runs in a loop");
                chain.Add(entry);
                if (entry == head) return chain;
                if (entry.Sequence >= head.Sequence) break;
                at = (at + entry.Length) % _header.LogLength;
            }
        }
        throw Bad(0, "is marked as dirty and holds no complete sequence of entries");
    }

    private LoggedChanges Collect(List<Entry> sequence)
    {
        var changes = new LoggedChangesBuilder();
        var flushed = 0L;
        var last = 0L;
        var end = 0L;
        foreach (var entry in sequence)
        {
            var head = Ring(entry.Position, VhdxLayout.Page).ToArray();
            flushed = BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(48));
            last = BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(56));
            if (last is < 0 or > VhdxLayout.LongestFile) throw Bad(entry.Position, $"asks for a file of {unchecked((ulong)last)} bytes");
            end = Math.Max(end, CollectEntry(entry, BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(24)), changes));
        }
        if (_file.Length < flushed)
        {
            throw Bad(sequence[^1].Position, $"was written for a file of {unchecked((ulong)flushed)} bytes, but the file has {_file.Length}: it was cut off");
        }
        var length = Math.Max(_file.Length, VhdxLayout.RoundUp(last, VhdxLayout.Mebibyte));
        if (end > length) throw Bad(0, $"changes bytes up to {end}, past the end of the file");
        return changes.Build(_file.Length >= last ? _file.Length : length, ReadPage);
    }

    /// <summary>Takes an entry's descriptors, which stand before its data sectors, page by page.</summary>
    /// <returns>The end of the last byte of the file that it changes.</returns>
    private long CollectEntry(Entry entry, uint count, LoggedChangesBuilder changes)
    {
        var descriptorPages = (EntryHeader + ((long)count * DescriptorSize) + VhdxLayout.Page - 1) / VhdxLayout.Page;
        if (descriptorPages * VhdxLayout.Page > entry.Length) throw Bad(entry.Position, $"an entry claims {count} descriptors, more than it holds");
        var dataPage = descriptorPages;
        var end = 0L;
        var pages = new byte[VhdxLayout.Page];
        for (var i = 0; i < (int)count; i++)
        {
            var at = EntryHeader + (i * DescriptorSize);
            if (i == 0 || at % VhdxLayout.Page == 0) Ring(InRing(entry.Position + (at / VhdxLayout.Page * VhdxLayout.Page)), VhdxLayout.Page).CopyTo(pages);
            var descriptor = pages.AsSpan(at % VhdxLayout.Page, DescriptorSize);
            var offset = BinaryPrimitives.ReadInt64LittleEndian(descriptor[16..]);
            if (BinaryPrimitives.ReadUInt64LittleEndian(descriptor[24..]) != entry.Sequence) throw Bad(entry.Position, $"descriptor {i} is of another entry");
            if (descriptor.StartsWith("zero"u8))
            {
                var length = BinaryPrimitives.ReadInt64LittleEndian(descriptor[8..]);
                CheckPlace(entry, offset, length);
                changes.AddZeros(offset, length);
                if (changes.TooMany) throw Bad(entry.Position, "asks for more separate runs of zeros than are read");
                end = Math.Max(end, offset + length);
            }
            else if (descriptor.StartsWith("desc"u8))
            {
                CheckPlace(entry, offset, VhdxLayout.Page);
                if ((dataPage + 1) * VhdxLayout.Page > entry.Length) throw Bad(entry.Position, "an entry has fewer data sectors than data descriptors");
                var data = InRing(entry.Position + (dataPage * VhdxLayout.Page));
                CheckData(entry, data);
                var (first, rest) = (BinaryPrimitives.ReadUInt64LittleEndian(descriptor[8..]), BinaryPrimitives.ReadUInt32LittleEndian(descriptor[4..]));
                changes.AddPage(offset, new LoggedPage(data, first, rest));
                end = Math.Max(end, offset + VhdxLayout.Page);
                dataPage++;
            }
            else
            {
                throw Bad(entry.Position, $"descriptor {i} is of no known kind");
            }
        }
        return end;
    }

    private void CheckData(Entry entry, long position)
    {
        var data = Ring(position, VhdxLayout.Page);
        var high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
        var low = BinaryPrimitives.ReadUInt32LittleEndian(data[^4..]);
        if (!data.StartsWith("data"u8) || (((ulong)high << 32) | low) != entry.Sequence) throw Bad(entry.Position, "a data sector is of another entry");
    }

    /// <summary>A data sector with its first and last bytes, which stand in its descriptor (MS-VHDX 2.3.1.3).</summary>
    private byte[] ReadPage(LoggedPage logged)
    {
        var page = new byte[VhdxLayout.Page];
        _file.Read(_header.LogOffset + logged.LogPosition, page);
        BinaryPrimitives.WriteUInt64LittleEndian(page, logged.Leading);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(VhdxLayout.Page - 4), logged.Trailing);
        return page;
    }

    private void CheckPlace(Entry entry, long offset, long length)
    {
        if (offset < VhdxLayout.RegionTableOffsets[0] || offset % VhdxLayout.Page != 0 || length <= 0 || length % VhdxLayout.Page != 0
            || offset > VhdxLayout.LongestFile || length > VhdxLayout.LongestFile)
        {
            throw Bad(entry.Position, $"changes {unchecked((ulong)offset)}+{unchecked((ulong)length)}: the headers, or not whole sectors of 4 KiB");
        }
        if (offset < _header.LogOffset + _header.LogLength && _header.LogOffset < offset + length) throw Bad(entry.Position, "changes the log itself");
    }

    private long InRing(long position) => position % _header.LogLength;

    /// <summary>Up to 1 MiB of the log, good until the next call.</summary>
    private ReadOnlySpan<byte> Ring(long at, int length)
    {
        var piece = _piece.AsSpan(0, length);
        var untilEnd = (int)Math.Min(length, _header.LogLength - at);
        _file.Read(_header.LogOffset + at, piece[..untilEnd]);
        if (untilEnd < length) _file.Read(_header.LogOffset, piece[untilEnd..]);
        return piece;
    }

    /// <summary>The checksum over a whole entry, its own field taken as zero.</summary>
    private uint Checksum(long at, uint length)
    {
        var crc = uint.MaxValue;
        for (long done = 0; done < length;)
        {
            var n = (int)Math.Min(_piece.Length, length - done);
            Ring(InRing(at + done), n);
            var piece = _piece.AsSpan(0, n);
            if (done == 0) piece.Slice(4, 4).Clear();
            crc = VhdxLayout.Crc(crc, piece);
            done += n;
        }
        return ~crc;
    }

    private readonly record struct Entry(long Position, uint Length, uint Tail, ulong Sequence);
}
