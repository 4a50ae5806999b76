namespace Stillpoint.VirtualDisks;

/// <summary>
/// A run of the file that holds metadata (the BAT, a sector bitmap), in pages of 4 KiB that are read when first asked for. Looking up a
/// page that is there takes no lock. Changed pages stay until the log has taken them; clean ones go when there are too many.
/// </summary>
internal sealed class MetadataPages(IDiskFile file, VhdxLog? log, long start, int count, int mostLoaded)
{
    private const int PagesInPiece = 4;
    private readonly byte[]?[] _pages = new byte[]?[count];
    private readonly Lock _gate = new();
    private int _loaded;
    private int _hand;

    internal int Loaded => Volatile.Read(ref _loaded);

    /// <summary>The page's bytes, to look at.</summary>
    internal byte[] this[int page] => Volatile.Read(ref _pages[page]) ?? Load(page);

    internal long Offset(int page) => start + ((long)page * VhdxLayout.Page);

    /// <summary>The page's bytes, to change under the disk's gate; the log takes them at the next commit.</summary>
    internal byte[] Edit(int page, MetadataOrder order)
    {
        lock (_gate)
        {
            var bytes = Load(page);
            log!.Add(Offset(page), bytes, order);
            return bytes;
        }
    }

    /// <summary>First byte from <paramref name="at"/> on that is not zero, or <paramref name="end"/>; both counted from the start of the run.
    /// Pages that are not there are looked at in the file and not kept, holes of the host's file are passed over.</summary>
    internal long NextUsed(long at, long end)
    {
        Span<byte> piece = stackalloc byte[PagesInPiece * VhdxLayout.Page];
        while (at < end)
        {
            var page = (int)(at / VhdxLayout.Page);
            scoped ReadOnlySpan<byte> bytes;
            if (Volatile.Read(ref _pages[page]) is { } loaded)
            {
                var within = (int)(at % VhdxLayout.Page);
                bytes = loaded.AsSpan(within, (int)Math.Min(VhdxLayout.Page - within, end - at));
            }
            else
            {
                var absent = page + 1;
                while (absent < _pages.Length && Volatile.Read(ref _pages[absent]) is null) absent++;
                var until = Math.Min(end, (long)absent * VhdxLayout.Page);
                at = file.NextData(start + at, start + until) - start;
                bytes = piece[..(int)Math.Min(piece.Length, until - at)];
                file.Read(start + at, piece[..bytes.Length]);
            }
            var used = bytes.IndexOfAnyExcept((byte)0);
            if (used >= 0) return at + used;
            at += bytes.Length;
        }
        return at;
    }

    internal bool HasDirty()
    {
        for (var i = 0; i < _pages.Length; i++)
        {
            if (_pages[i] is not null && IsDirty(Offset(i))) return true;
        }
        return false;
    }

    private bool IsDirty(long offset) => log is not null && log.Holds(offset);

    private byte[] Load(int page)
    {
        lock (_gate)
        {
            if (_pages[page] is { } there) return there;
            if (_loaded >= mostLoaded) Evict();
            var bytes = GC.AllocateUninitializedArray<byte>(VhdxLayout.Page);
            file.Read(Offset(page), bytes);
            Volatile.Write(ref _pages[page], bytes);
            _loaded++;
            return bytes;
        }
    }

    /// <summary>Lets half of the pages go, from where the last round ended.</summary>
    private void Evict()
    {
        var target = mostLoaded / 2;
        for (var seen = 0; seen < _pages.Length && _loaded > target; seen++)
        {
            _hand = (_hand + 1) % _pages.Length;
            if (_pages[_hand] is null || IsDirty(Offset(_hand))) continue;
            Volatile.Write(ref _pages[_hand], null);
            _loaded--;
        }
    }
}
