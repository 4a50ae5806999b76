using Stillpoint.Extents;

namespace Stillpoint.HyperV;

/// <summary>The changed ranges of a disk as answer follows answer. A host names them in order, so a million of them stand in memory once; one that
/// comes late is kept aside.</summary>
/// <param name="diskLength">Bytes of the disk: what lies past it is cut off.</param>
internal sealed class ChangeList(long diskLength)
{
    private readonly ExtentSetBuilder _inOrder = new();
    private readonly List<Extent> _late = [];
    private long _last;

    /// <summary>Ranges added so far.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a range, neither number negative.</summary>
    public void Add(long offset, long length)
    {
        Count++;
        if (offset >= diskLength) return;
        var range = new Extent(offset, Math.Min(length, diskLength - offset));
        if (offset < _last)
        {
            _late.Add(range);
            return;
        }
        _last = offset;
        _inOrder.Add(range);
    }

    /// <summary>All of them.</summary>
    public ExtentSet ToSet() => _late.Count == 0 ? _inOrder.Build() : _inOrder.Build().Union(ExtentSet.Of(_late));
}
