using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <summary>One change that a log entry asks for: 4 KiB of data, or a run of zeros.</summary>
/// <param name="FileOffset">Where it goes.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Page">The data; null for zeros.</param>
internal readonly record struct LoggedChange(long FileOffset, long Length, byte[]? Page);

/// <summary>The changes of the active sequence of a log, and the size that the file must have for them.</summary>
internal sealed record LoggedChanges(IReadOnlyList<LoggedChange> Changes, long FileLength);

/// <summary>Finds the active sequence of a dirty log (MS-VHDX 2.3.3) and reads what it asks for. Writes nothing.</summary>
internal sealed class VhdxLogReader
{
    private const int EntryHeader = 64;
    private const int DescriptorSize = 32;
    private readonly IDiskFile _file;
    private readonly VhdxHeader _header;
    private readonly byte[] _log;
    private readonly Dictionary<long, Entry> _entries = [];

    private VhdxLogReader(IDiskFile file, VhdxHeader header)
    {
        _file = file;
        _header = header;
        if (header.LogLength > VhdxLayout.LongestLog) throw Bad(0, $"is dirty and has {header.LogLength} bytes; more than {VhdxLayout.LongestLog} is not read");
        _log = new byte[header.LogLength];
        file.Read(header.LogOffset, _log);
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
        var budget = 64L * _log.Length;
        for (long at = 0; at < _log.Length; at += VhdxLayout.Page)
        {
            var head = _log.AsSpan((int)at, VhdxLayout.Page);
            if (!head.StartsWith("loge"u8) || new Guid(head.Slice(32, 16)) != _header.LogId) continue;
            var length = BinaryPrimitives.ReadUInt32LittleEndian(head[8..]);
            var tail = BinaryPrimitives.ReadUInt32LittleEndian(head[12..]);
            var sequence = BinaryPrimitives.ReadUInt64LittleEndian(head[16..]);
            if (length == 0 || length % VhdxLayout.Page != 0 || length > _log.Length || tail % VhdxLayout.Page != 0 || tail >= _log.Length || sequence == 0) continue;
            budget -= length;
            if (budget < 0) throw Bad(at, "holds entries that overlap each other many times over");
            var entry = Ring(at, length);
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry.AsSpan(4)) != VhdxLayout.Checksum(entry, 4)) continue;
            _entries[at] = new Entry(at, length, tail, sequence);
        }
    }

    /// <summary>The complete sequence with the newest head: from the head's tail, entry after entry, numbers rising by one.</summary>
    private List<Entry> ActiveSequence()
    {
        var budget = 64L * (_log.Length / VhdxLayout.Page);
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
                at = (at + entry.Length) % _log.Length;
            }
        }
        throw Bad(0, "is marked as dirty and holds no complete sequence of entries");
    }

    private LoggedChanges Collect(List<Entry> sequence)
    {
        var changes = new List<LoggedChange>();
        var flushed = 0L;
        var last = 0L;
        foreach (var entry in sequence)
        {
            var bytes = Ring(entry.Position, entry.Length);
            flushed = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(48));
            last = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(56));
            if (last is < 0 or > VhdxLayout.LongestFile) throw Bad(entry.Position, $"asks for a file of {unchecked((ulong)last)} bytes");
            CollectEntry(entry, bytes, changes);
        }
        if (_file.Length < flushed)
        {
            throw Bad(sequence[^1].Position, $"was written for a file of {unchecked((ulong)flushed)} bytes, but the file has {_file.Length}: it was cut off");
        }
        var length = Math.Max(_file.Length, VhdxLayout.RoundUp(last, VhdxLayout.Mebibyte));
        foreach (var change in changes)
        {
            if (change.FileOffset > length - change.Length) throw Bad(0, $"changes {change.FileOffset}+{change.Length}, past the end of the file");
        }
        return new(changes, _file.Length >= last ? _file.Length : length);
    }

    private void CollectEntry(Entry entry, byte[] bytes, List<LoggedChange> changes)
    {
        var count = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(24));
        var descriptorPages = (EntryHeader + ((long)count * DescriptorSize) + VhdxLayout.Page - 1) / VhdxLayout.Page;
        if (descriptorPages * VhdxLayout.Page > bytes.Length) throw Bad(entry.Position, $"an entry claims {count} descriptors, more than it holds");
        var dataPage = descriptorPages;
        for (var i = 0; i < (int)count; i++)
        {
            var descriptor = bytes.AsSpan(EntryHeader + (i * DescriptorSize), DescriptorSize);
            var offset = BinaryPrimitives.ReadInt64LittleEndian(descriptor[16..]);
            if (BinaryPrimitives.ReadUInt64LittleEndian(descriptor[24..]) != entry.Sequence) throw Bad(entry.Position, $"descriptor {i} is of another entry");
            if (descriptor.StartsWith("zero"u8))
            {
                var length = BinaryPrimitives.ReadInt64LittleEndian(descriptor[8..]);
                CheckPlace(entry, offset, length);
                changes.Add(new(offset, length, null));
            }
            else if (descriptor.StartsWith("desc"u8))
            {
                CheckPlace(entry, offset, VhdxLayout.Page);
                if ((dataPage + 1) * VhdxLayout.Page > bytes.Length) throw Bad(entry.Position, "an entry has fewer data sectors than data descriptors");
                changes.Add(new(offset, VhdxLayout.Page, Page(entry, descriptor, bytes.AsSpan((int)dataPage * VhdxLayout.Page, VhdxLayout.Page))));
                dataPage++;
            }
            else
            {
                throw Bad(entry.Position, $"descriptor {i} is of no known kind");
            }
        }
    }

    private byte[] Page(Entry entry, ReadOnlySpan<byte> descriptor, ReadOnlySpan<byte> data)
    {
        var high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
        var low = BinaryPrimitives.ReadUInt32LittleEndian(data[^4..]);
        if (!data.StartsWith("data"u8) || (((ulong)high << 32) | low) != entry.Sequence) throw Bad(entry.Position, "a data sector is of another entry");
        var page = data.ToArray();
        descriptor.Slice(8, 8).CopyTo(page);
        descriptor.Slice(4, 4).CopyTo(page.AsSpan(VhdxLayout.Page - 4));
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

    private byte[] Ring(long at, uint length)
    {
        var bytes = new byte[length];
        var untilEnd = (int)Math.Min(length, _log.Length - at);
        _log.AsSpan((int)at, untilEnd).CopyTo(bytes);
        _log.AsSpan(0, (int)length - untilEnd).CopyTo(bytes.AsSpan(untilEnd));
        return bytes;
    }

    private readonly record struct Entry(long Position, uint Length, uint Tail, ulong Sequence);
}
