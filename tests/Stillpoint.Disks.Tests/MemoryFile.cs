using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>A file of bytes that counts what is read of it.</summary>
internal sealed class MemoryFile(string path, byte[] bytes) : IDiskFile
{
    public string Path => path;

    public long Length => bytes.Length;

    internal long BytesRead { get; private set; }

    internal bool WasWritten { get; private set; }

    public void Read(long offset, Span<byte> buffer)
    {
        if (offset < 0 || offset > bytes.Length - buffer.Length) throw new DiskFormatException(path, "file", offset, "ends before");
        BytesRead += buffer.Length;
        bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
    }

    public void Write(long offset, ReadOnlySpan<byte> written) => WasWritten = true;

    public void SetLength(long length) => WasWritten = true;

    public void Sync()
    {
    }

    public long NextData(long offset, long end) => offset;

    public long NextHole(long offset, long end) => end;

    public void Dispose()
    {
    }
}
