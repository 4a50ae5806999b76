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
        _touched = ExtentSet.Of(changes.Changes.Select(c => new Extent(c.FileOffset, c.Length)));
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
        foreach (var change in _changes.Changes)
        {
            var common = wanted.Intersect(new Extent(change.FileOffset, change.Length));
            if (common.IsEmpty) continue;
            var target = buffer.Slice((int)(common.Offset - offset), (int)common.Length);
            if (change.Page is null) target.Clear();
            else change.Page.AsSpan((int)(common.Offset - change.FileOffset), target.Length).CopyTo(target);
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

    private bool Touches(long offset, long length)
    {
        int low = 0, high = _touched.Count - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (_touched[middle].End <= offset) low = middle + 1;
            else if (_touched[middle].Offset >= offset + length) high = middle - 1;
            else return true;
        }
        return false;
    }
}
