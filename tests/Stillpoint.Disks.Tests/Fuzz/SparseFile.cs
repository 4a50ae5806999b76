using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>A file in memory that holds a few pieces and zeros between them, and counts what is read and written of it. What is written is kept
/// in pages, those of zeros only where there was something else.</summary>
internal sealed class SparseFile(string path, long length, IReadOnlyList<(long Offset, byte[] Bytes)> pieces) : IDiskFile, IDiskFiles
{
    private const int Page = 4096;

    /// <summary>No file that a fuzzer folds needs more: 255 MiB, and what a log or a write may add.</summary>
    private const long Longest = 1L << 30;
    private readonly Dictionary<long, byte[]> _written = [];
    private long _length = length;
    private bool _writable;

    public string Path => path;

    public long Length => _length;

    internal long BytesRead { get; private set; }

    internal long BytesWritten { get; private set; }

    public void Read(long offset, Span<byte> buffer)
    {
        if (offset < 0 || offset > _length - buffer.Length) throw new DiskFormatException(path, "file", offset, "ends before");
        BytesRead += buffer.Length;
        ReadPieces(offset, buffer);
        if (_written.Count == 0) return;
        for (var page = offset / Page; page * Page < offset + buffer.Length; page++)
        {
            if (!_written.TryGetValue(page, out var bytes)) continue;
            var (from, to) = (Math.Max(page * Page, offset), Math.Min((page + 1) * Page, offset + buffer.Length));
            bytes.AsSpan((int)(from % Page), (int)(to - from)).CopyTo(buffer[(int)(from - offset)..]);
        }
    }

    public IDiskFile Open(string wanted, bool writable)
    {
        _writable = writable;
        return this;
    }

    public IDiskFile Create(string wanted) => throw new InvalidOperationException("an opening made a file");

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (!_writable) throw new InvalidOperationException("a reader wrote");
        if (offset < 0 || offset > Longest - bytes.Length) throw new InvalidOperationException($"{bytes.Length} bytes were written at {offset}");
        BytesWritten += bytes.Length;
        _length = Math.Max(_length, offset + bytes.Length);
        while (bytes.Length > 0)
        {
            var within = (int)(offset % Page);
            var n = Math.Min(Page - within, bytes.Length);
            WriteInPage(offset / Page, within, bytes[..n]);
            offset += n;
            bytes = bytes[n..];
        }
    }

    public void SetLength(long wanted)
    {
        if (!_writable) throw new InvalidOperationException("a reader changed the length");
        if (wanted is < 0 or > Longest) throw new InvalidOperationException($"the file was to have {wanted} bytes");
        // What a cut takes away would have to read as zero later; these files are only ever lengthened.
        if (wanted < _length) return;
        _length = wanted;
    }

    public void Sync()
    {
        if (!_writable) throw new InvalidOperationException("a reader synced");
    }

    public long NextData(long offset, long end) => offset;

    public long NextHole(long offset, long end) => end;

    public void Dispose()
    {
    }

    private void WriteInPage(long page, int within, ReadOnlySpan<byte> bytes)
    {
        if (!_written.TryGetValue(page, out var there))
        {
            Span<byte> old = stackalloc byte[Page];
            old.Clear();
            ReadPieces(page * Page, old);
            if (!bytes.ContainsAnyExcept((byte)0) && !old.ContainsAnyExcept((byte)0)) return;
            _written[page] = there = old.ToArray();
        }
        bytes.CopyTo(there.AsSpan(within));
    }

    private void ReadPieces(long offset, Span<byte> buffer)
    {
        buffer.Clear();
        foreach (var (start, bytes) in pieces)
        {
            var from = Math.Max(start, offset);
            var to = Math.Min(start + bytes.Length, offset + buffer.Length);
            if (from < to) bytes.AsSpan((int)(from - start), (int)(to - from)).CopyTo(buffer[(int)(from - offset)..]);
        }
    }
}
