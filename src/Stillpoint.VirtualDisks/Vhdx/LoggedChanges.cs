using Stillpoint.Extents;

namespace Stillpoint.VirtualDisks;

/// <summary>Where in the log a page's bytes lie, and those of them that lie in its descriptor.</summary>
/// <param name="LogPosition">Of the data sector, from the start of the log.</param>
/// <param name="Leading">The first eight bytes, little-endian.</param>
/// <param name="Trailing">The last four.</param>
internal readonly record struct LoggedPage(long LogPosition, ulong Leading, uint Trailing);

/// <summary>What a file is to be once its log is replayed: first the zeros, then the pages over them. The pages' bytes stay in the log, so that
/// this takes little memory however large the log is.</summary>
internal sealed class LoggedChanges
{
    private readonly Dictionary<long, LoggedPage> _pages;
    private readonly long[] _places;
    private readonly Func<LoggedPage, byte[]> _read;

    internal LoggedChanges(ExtentSet zeros, Dictionary<long, LoggedPage> pages, long fileLength, Func<LoggedPage, byte[]> read)
    {
        Zeros = zeros;
        FileLength = fileLength;
        _pages = pages;
        _places = [.. pages.Keys.Order()];
        _read = read;
    }

    /// <summary>The size that the file must have.</summary>
    internal long FileLength { get; }

    /// <summary>What becomes zero.</summary>
    internal ExtentSet Zeros { get; }

    /// <summary>Offsets in the file of the pages of 4 KiB, in order.</summary>
    internal IReadOnlyList<long> Places => _places;

    internal byte[] Page(long place) => _read(_pages[place]);

    /// <summary>The pages that share bytes with a range.</summary>
    internal ReadOnlySpan<long> PlacesIn(long offset, long length)
    {
        var (from, to) = (First(offset - VhdxLayout.Page + 1), First(offset + length));
        return _places.AsSpan(from, Math.Max(0, to - from));
    }

    private int First(long place)
    {
        var at = Array.BinarySearch(_places, place);
        return at < 0 ? ~at : at;
    }
}

/// <summary>Takes changes in the order of the log and keeps of each byte only the last: so replay never writes one twice, whatever a log asks.</summary>
internal sealed class LoggedChangesBuilder
{
    private const int MostZeros = 1 << 18;
    private readonly List<Extent> _zeros = [];
    private int _joinAt = 1 << 16;
    private readonly Dictionary<long, LoggedPage> _pages = [];
    private readonly SortedSet<long> _places = [];

    internal void AddPage(long place, LoggedPage page)
    {
        _pages[place] = page;
        _places.Add(place);
    }

    internal void AddZeros(long offset, long length)
    {
        // Both are whole pages of 4 KiB: an earlier page is under the zeros as a whole, or not at all.
        while (_places.Count > 0 && _places.GetViewBetween(offset, offset + length - 1) is { Min: > 0 and var place })
        {
            _places.Remove(place);
            _pages.Remove(place);
        }
        _zeros.Add(new Extent(offset, length));
        if (_zeros.Count >= _joinAt) Join();
    }

    /// <summary>True when a log asks for more separate runs of zeros than anybody's metadata has.</summary>
    internal bool TooMany => _zeros.Count > MostZeros;

    internal LoggedChanges Build(long fileLength, Func<LoggedPage, byte[]> read) => new(ExtentSet.Of(_zeros), _pages, fileLength, read);

    private void Join()
    {
        var joined = ExtentSet.Of(_zeros);
        _zeros.Clear();
        _zeros.AddRange(joined);
        _joinAt = Math.Max(_joinAt, 2 * _zeros.Count);
    }
}
