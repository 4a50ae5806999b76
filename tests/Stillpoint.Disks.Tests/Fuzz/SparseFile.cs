using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>A file in memory that holds a few pieces and zeros between them, and counts what is read of it.</summary>
internal sealed class SparseFile(string path, long length, IReadOnlyList<(long Offset, byte[] Bytes)> pieces) : IDiskFile, IDiskFiles
{
    public string Path => path;

    public long Length => length;

    internal long BytesRead { get; private set; }

    public void Read(long offset, Span<byte> buffer)
    {
        if (offset < 0 || offset > length - buffer.Length) throw new DiskFormatException(path, "file", offset, "ends before");
        BytesRead += buffer.Length;
        buffer.Clear();
        foreach (var (start, bytes) in pieces)
        {
            var from = Math.Max(start, offset);
            var to = Math.Min(start + bytes.Length, offset + buffer.Length);
            if (from < to) bytes.AsSpan((int)(from - start), (int)(to - from)).CopyTo(buffer[(int)(from - offset)..]);
        }
    }

    public IDiskFile Open(string wanted, bool writable) => this;

    public IDiskFile Create(string wanted) => throw new InvalidOperationException("a reader made a file");

    public void Write(long offset, ReadOnlySpan<byte> bytes) => throw new InvalidOperationException("a reader wrote");

    public void SetLength(long wanted) => throw new InvalidOperationException("a reader changed the length");

    public void Sync() => throw new InvalidOperationException("a reader synced");

    public long NextData(long offset, long end) => offset;

    public long NextHole(long offset, long end) => end;

    public void Dispose()
    {
    }
}
