using Stillpoint.Extents;

namespace Stillpoint.VirtualDisks;

/// <summary>A file as it will be once its log is replayed; the file itself is not touched.</summary>
internal sealed class ReplayedFile : IDiskFile
{
    private readonly IDiskFile _file;
    private readonly LoggedChanges _changes;
    private readonly ExtentSet _touched;

    internal ReplayedFile(IDiskFile file, LoggedChanges changes)
    {
        _file = file;
        _changes = changes;
        _touched = changes.Zeros.Union(ExtentSet.Of(changes.Places.Select(p => new Extent(p, VhdxLayout.Page))));
    }

    public string Path => _file.Path;

    public long Length => _changes.FileLength;

    public void Read(long offset, Span<byte> buffer)
    {
        var real = (int)Math.Clamp(_file.Length - offset, 0, buffer.Length);
        if (buffer.Length - real > Math.Max(0, Length - Math.Max(offset, _file.Length))) _file.Read(offset, buffer); // fails, and says where
        if (real > 0) _file.Read(offset, buffer[..real]);
        buffer[real..].Clear();
        if (!Touches(offset, buffer.Length)) return;
        var wanted = new Extent(offset, buffer.Length);
        for (var i = First(_changes.Zeros, offset); i < _changes.Zeros.Count && _changes.Zeros[i].Offset < wanted.End; i++)
        {
            var zero = wanted.Intersect(_changes.Zeros[i]);
            buffer.Slice((int)(zero.Offset - offset), (int)zero.Length).Clear();
        }
        foreach (var place in _changes.PlacesIn(offset, buffer.Length))
        {
            var common = wanted.Intersect(new Extent(place, VhdxLayout.Page));
            _changes.Page(place).AsSpan((int)(common.Offset - place), (int)common.Length).CopyTo(buffer[(int)(common.Offset - offset)..]);
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes) => throw new InvalidOperationException($"{Path} was opened read-only.");

    public void SetLength(long length) => throw new InvalidOperationException($"{Path} was opened read-only.");

    public void Sync()
    {
    }

    // Payload is not logged; but a change anywhere in the range makes it data as a whole.
    public long NextData(long offset, long end) => Touches(offset, end - offset) ? offset : Math.Min(_file.NextData(offset, end), end);

    public long NextHole(long offset, long end) => Touches(offset, end - offset) ? end : _file.NextHole(offset, end);

    public void Dispose() => _file.Dispose();

    private bool Touches(long offset, long length) => First(_touched, offset) is var i && i < _touched.Count && _touched[i].Offset < offset + length;

    /// <summary>Index of the first extent that ends after a place.</summary>
    private static int First(ExtentSet extents, long offset)
    {
        int low = 0, high = extents.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (extents[middle].End <= offset) low = middle + 1;
            else high = middle;
        }
        return low;
    }
}
