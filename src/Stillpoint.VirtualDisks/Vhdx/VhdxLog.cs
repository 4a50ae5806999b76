using System.Buffers.Binary;
using System.Collections.Concurrent;

namespace Stillpoint.VirtualDisks;

/// <summary>What must reach the file before what: a BAT entry that says "partially present" may not come before the bits it relies on.</summary>
internal enum MetadataOrder
{
    Bitmap,
    Table,
}

/// <summary>
/// Collects changed pages of metadata and writes them through the log (MS-VHDX 2.3). A commit goes: sync, so that payload and every page
/// written in place before are durable; log entry; sync; the pages in place. So each entry's tail is the entry itself: all before it is
/// done with, and a crash at any byte finds either this entry whole, or the one before, which says what the file holds already.
/// </summary>
internal sealed class VhdxLog
{
    internal const int MostPagesInEntry = 126;
    private const int EntryHeader = 64;
    private const int DescriptorSize = 32;
    private readonly IDiskFile _file;
    private readonly VhdxHeaders _headers;
    private readonly Func<Guid> _newId;
    private readonly ConcurrentDictionary<long, Change> _changes = new();
    private readonly int _pagesInEntry;
    private Guid _logId;
    private ulong _sequence;
    private long _position;
    private byte[]? _buffer;
    private bool _failed;

    internal VhdxLog(IDiskFile file, VhdxHeaders headers, Func<Guid> newId)
    {
        _file = file;
        _headers = headers;
        _newId = newId;
        // Two entries must fit, so that a new one never overwrites the one it follows.
        var pages = headers.Current.LogLength / VhdxLayout.Page;
        _pagesInEntry = (int)Math.Min(MostPagesInEntry, (pages / 2) - 1);
    }

    /// <summary>Changed pages that are not in the file yet.</summary>
    internal int Pending => _changes.Count;

    internal bool Holds(long offset) => _changes.ContainsKey(offset);

    internal void Add(long offset, byte[] page, MetadataOrder order) => _changes.TryAdd(offset, new Change(offset, page, order));

    /// <summary>Writes all changed pages; durable on return, as is everything written before the call.</summary>
    internal void Commit()
    {
        if (_failed) throw new IOException($"{_file.Path}: an earlier flush failed; what was written since the last good one is lost.");
        if (_changes.IsEmpty)
        {
            _failed = true;
            _file.Sync();
            _failed = false;
            return;
        }
        foreach (var batch in _changes.Values.OrderBy(c => c.Order).ThenBy(c => c.Offset).Chunk(_pagesInEntry)) WriteEntry(batch);
    }

    /// <summary>Writes these pages and nothing else in one entry, so that a crash leaves all of them or none.</summary>
    internal void CommitTogether(IReadOnlyList<(long Offset, byte[] Page)> pages)
    {
        if (!_changes.IsEmpty) throw new InvalidOperationException("commit what is pending first");
        if (pages.Count > _pagesInEntry) throw new InvalidOperationException($"{pages.Count} pages do not fit one log entry");
        WriteEntry([.. pages.Select(p => new Change(p.Offset, p.Page, MetadataOrder.Table))]);
    }

    /// <summary>Ends the log: nothing is to be replayed when the file is opened next.</summary>
    internal void Close()
    {
        // What a failed sync left is unknown: the log must stay dirty, and the next opening replays it.
        if (_failed || (_changes.IsEmpty && _logId == Guid.Empty)) return;
        if (!_changes.IsEmpty) Commit();
        _file.Sync();
        _headers.UpdateBoth(_headers.Current with { LogId = Guid.Empty });
        _logId = Guid.Empty;
    }

    private void WriteEntry(Change[] changes)
    {
        _failed = true; // until all of it went well
        _file.Sync();
        var first = _logId == Guid.Empty;
        if (first)
        {
            _logId = _newId();
            _position = 0;
            _sequence = 0; // older entries lie in the ring too: the log id tells them apart, not the count
        }
        var entry = BuildEntry(changes);
        WriteRing(entry);
        _file.Sync();
        // Only now may the headers name the log: a log id without an entry means a damaged file. Both name it, so that a header that is
        // damaged later does not hide the log.
        if (first) _headers.UpdateBoth(_headers.Current with { LogId = _logId, FileWriteId = _newId() });
        foreach (var change in changes)
        {
            _file.Write(change.Offset, change.Page);
            _changes.TryRemove(change.Offset, out _);
        }
        _failed = false;
    }

    private ReadOnlySpan<byte> BuildEntry(Change[] changes)
    {
        _buffer ??= new byte[(1 + MostPagesInEntry) * VhdxLayout.Page];
        var length = (1 + changes.Length) * VhdxLayout.Page;
        var entry = _buffer.AsSpan(0, length);
        entry[..VhdxLayout.Page].Clear();
        _sequence++;
        "loge"u8.CopyTo(entry);
        BinaryPrimitives.WriteInt32LittleEndian(entry[8..], length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], (uint)_position);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], _sequence);
        BinaryPrimitives.WriteInt32LittleEndian(entry[24..], changes.Length);
        _logId.TryWriteBytes(entry[32..]);
        BinaryPrimitives.WriteInt64LittleEndian(entry[48..], _file.Length);
        BinaryPrimitives.WriteInt64LittleEndian(entry[56..], _file.Length);
        for (var i = 0; i < changes.Length; i++)
        {
            var page = changes[i].Page.AsSpan();
            var descriptor = entry.Slice(EntryHeader + (i * DescriptorSize), DescriptorSize);
            "desc"u8.CopyTo(descriptor);
            page[^4..].CopyTo(descriptor[4..]);
            page[..8].CopyTo(descriptor[8..]);
            BinaryPrimitives.WriteInt64LittleEndian(descriptor[16..], changes[i].Offset);
            BinaryPrimitives.WriteUInt64LittleEndian(descriptor[24..], _sequence);
            var data = entry.Slice((1 + i) * VhdxLayout.Page, VhdxLayout.Page);
            "data"u8.CopyTo(data);
            BinaryPrimitives.WriteUInt32LittleEndian(data[4..], (uint)(_sequence >> 32));
            page[8..^4].CopyTo(data[8..]);
            BinaryPrimitives.WriteUInt32LittleEndian(data[^4..], (uint)(_sequence & uint.MaxValue));
        }
        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], VhdxLayout.Checksum(entry, 4));
        return entry;
    }

    private void WriteRing(ReadOnlySpan<byte> entry)
    {
        var header = _headers.Current;
        var untilEnd = (int)Math.Min(entry.Length, header.LogLength - _position);
        _file.Write(header.LogOffset + _position, entry[..untilEnd]);
        if (untilEnd < entry.Length) _file.Write(header.LogOffset, entry[untilEnd..]);
        _position = (_position + entry.Length) % header.LogLength;
    }

    private readonly record struct Change(long Offset, byte[] Page, MetadataOrder Order);
}
