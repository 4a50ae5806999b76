namespace Stillpoint.VirtualDisks;

/// <content>Giving space back.</content>
internal sealed partial class VhdDisk
{
    /// <inheritdoc/>
    public override long Compact(Action<long, long>? progress, CancellationToken cancel)
    {
        CheckWritable();
        var before = _file.Length;
        Flush();
        var stay = GiveUpEmptyBlocks(progress, cancel);
        Flush();
        MoveIntoGaps(stay, cancel);
        Flush();
        lock (_gate) UseTable(_header);
        _footerMoved = true;
        Flush();
        return before - _file.Length;
    }

    /// <summary>Looks at every block that is here.</summary>
    /// <returns>Those that stay, by their place in the file, last first.</returns>
    private List<(long Place, long Block)> GiveUpEmptyBlocks(Action<long, long>? progress, CancellationToken cancel)
    {
        var stay = new List<(long Place, long Block)>();
        var buffer = new byte[_header.BlockSize];
        for (var block = 0; block < _table.Entries; block++)
        {
            cancel.ThrowIfCancellationRequested();
            var place = _table[block];
            if (place < 0) continue;
            lock (_gate)
            {
                if (IsEmpty(block, place, buffer)) _table.Set(block, -1);
                else stay.Add((place, block));
            }
            progress?.Invoke(block + 1, _table.Entries);
        }
        stay.Sort((a, b) => b.Place.CompareTo(a.Place));
        return stay;
    }

    /// <summary>True when the block says nothing that its absence would not.</summary>
    private bool IsEmpty(long block, long place, byte[] buffer)
    {
        if (Locator is not null) return !Bitmap(block).AsSpan().ContainsAnyExcept((byte)0);
        var payload = place + _header.BitmapSize;
        if (_file.NextData(payload, payload + _header.BlockSize) == payload + _header.BlockSize) return true;
        _file.Read(payload, buffer);
        return !buffer.AsSpan().ContainsAnyExcept((byte)0);
    }

    /// <summary>Copies the last block into the first gap, again and again. The table follows after a sync, and the old places stay untouched.</summary>
    private void MoveIntoGaps(List<(long Place, long Block)> blocks, CancellationToken cancel)
    {
        using var gaps = Gaps(blocks).GetEnumerator();
        var buffer = new byte[_header.BitmapSize + _header.BlockSize];
        foreach (var (place, block) in blocks)
        {
            cancel.ThrowIfCancellationRequested();
            if (!gaps.MoveNext() || gaps.Current >= place) return;
            _file.Read(place, buffer);
            _file.Write(gaps.Current, buffer);
            lock (_gate) _table.Set(block, gaps.Current);
        }
    }

    /// <summary>Places between what is taken, in order, each with room for a block.</summary>
    private IEnumerable<long> Gaps(List<(long Place, long Block)> blocks)
    {
        var size = _header.BitmapSize + (long)_header.BlockSize;
        List<(long From, long To)> taken =
        [
            (0, VhdFooter.Size),
            (_footer.DataOffset, _footer.DataOffset + VhdHeader.Size),
            (_header.TableOffset, _header.TableOffset + VhdxLayout.RoundUp(_header.TableEntries * 4L, Sector)),
            .. _header.Locators.Select(l => (l.Offset, l.Offset + VhdxLayout.RoundUp(l.Length, Sector))),
            .. blocks.Select(b => (b.Place, b.Place + size)),
        ];
        taken.Sort();
        var free = 0L;
        foreach (var (from, to) in taken)
        {
            for (var at = Aligned(free); at + size <= from; at = Aligned(at + size)) yield return at;
            free = Math.Max(free, to);
        }
    }

    /// <summary>The first place from <paramref name="at"/> on where a block's bytes, not its bitmap, start on 4 KiB.</summary>
    private long Aligned(long at) => VhdxLayout.RoundUp(at + _header.BitmapSize, 4096) - _header.BitmapSize;
}
