namespace Stillpoint.VirtualDisks;

/// <content>Growing and shrinking. The size stands in the footers alone; each step before them leaves the disk as it was.</content>
internal sealed partial class VhdDisk
{
    /// <inheritdoc/>
    public override void Resize(long length, bool discard = false, CancellationToken cancel = default)
    {
        CheckWritable();
        if (length is <= 0 or > VhdFooter.LargestDisk || length % Sector != 0)
        {
            throw new ArgumentException($"a size of {length} bytes is not whole sectors up to 2040 GiB", nameof(length));
        }
        var entries = (length + BlockSize - 1) / BlockSize;
        if (entries > VhdTable.MostEntries) throw new ArgumentException($"blocks of {BlockSize} bytes do not make {length} bytes", nameof(length));
        CheckCut(length, discard, cancel);
        if (length == Length) return;
        Flush();
        lock (_gate)
        {
            // Entries past the end count for nothing, so that a cut leaves them; a growth must not find them again.
            if (length > Length) Grow(length, (int)entries);
            WriteSize(length);
            UseTable(_header with { TableEntries = (int)entries });
        }
        _footerMoved = true;
        Flush();
    }

    private void Grow(long length, int entries)
    {
        var table = _table.ToBytes(entries);
        var inPlace = table.Length <= VhdxLayout.RoundUp(_table.Entries * 4L, Sector);
        var place = inPlace ? _header.TableOffset : _table.End;
        if (!inPlace)
        {
            _file.Write(place, table);
            _file.Write(place + table.Length, _footer.ToBytes());
            _file.Sync();
        }
        VhdHeader.PointTo(_file, _footer.DataOffset, place, entries);
        _file.Sync();
        if (inPlace) _file.Write(place, table);
        UseTable(_header with { TableOffset = place, TableEntries = entries });
        _footerMoved = true;
        HideWhatWasPastTheEnd(length);
    }

    /// <summary>New bytes read as zero: neither what is left in the old last block, nor what a larger parent holds, may show.</summary>
    private void HideWhatWasPastTheEnd(long length)
    {
        var old = _length;
        _length = length;
        var end = old % BlockSize == 0 ? old : Math.Min(length, (old / BlockSize + 1) * BlockSize);
        if (_parent is { } parent) end = Math.Max(end, Math.Min(length, parent.Length));
        if (end > old) WriteZeros(old, end - old);
        Flush();
    }

    private void WriteZeros(long offset, long length)
    {
        while (length > 0)
        {
            var n = (int)Math.Min(Math.Min(Zeros.Length, BlockSize - (offset % BlockSize)), length);
            if (Locator is not null || _table[offset / BlockSize] >= 0) Write(offset, Zeros.AsSpan(0, n));
            offset += n;
            length -= n;
        }
    }

    /// <summary>The copy at the start first: the footer at the end counts until the end is written, too.</summary>
    private void WriteSize(long length)
    {
        var next = _footer.Resized(length);
        _file.Write(0, next.ToBytes());
        _file.Sync();
        _footer = next;
        _length = length;
        _footerMoved = true;
        Flush();
    }

    private void UseTable(VhdHeader header)
    {
        _header = header;
        _table = VhdTable.Load(_file, _footer, header);
        foreach (var block in _bitmaps.Keys.Where(b => b >= header.TableEntries).ToList()) _bitmaps.Remove(block);
    }
}
