using Microsoft.Win32.SafeHandles;
using Stillpoint.Durable;

namespace Stillpoint.VirtualDisks;

/// <summary>A file of the host. A writer holds it alone; readers share it with each other.</summary>
internal sealed class HostFile : IDiskFile
{
    private readonly SafeFileHandle _handle;
    private long _length;

    private HostFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        _length = RandomAccess.GetLength(handle);
    }

    public string Path { get; }

    public long Length => Volatile.Read(ref _length);

    internal static HostFile Open(string path, bool writable)
    {
        if (FileNature.OtherThanFile(path) is { } other) throw new IOException($"{path} is {other}, not a disk's file.");
        var access = writable ? FileAccess.ReadWrite : FileAccess.Read;
        var share = writable ? FileShare.None : FileShare.Read | FileShare.Delete;
        return new(path, File.OpenHandle(path, FileMode.Open, access, share));
    }

    /// <summary>Makes a file that must not be there yet.</summary>
    internal static HostFile Create(string path) =>
        new(path, File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None));

    public void Read(long offset, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var n = RandomAccess.Read(_handle, buffer, offset);
            if (n == 0) throw new DiskFormatException(Path, "file", offset, $"ends here, {buffer.Length} bytes early");
            buffer = buffer[n..];
            offset += n;
        }
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(_handle, bytes, offset);
        }
        catch (ArgumentException e)
        {
            throw TooLong(offset + bytes.Length, e);
        }
        RaiseLength(offset + bytes.Length);
    }

    public void SetLength(long length)
    {
        try
        {
            RandomAccess.SetLength(_handle, length);
        }
        catch (ArgumentException e)
        {
            throw TooLong(length, e);
        }
        Volatile.Write(ref _length, length);
    }

    public void Sync() => DurableFile.Sync(_handle);

    public void StartSync() => DurableFile.StartSync(_handle);

    public long NextData(long offset, long end) => FileHoles.NextData(_handle, offset, end);

    public long NextHole(long offset, long end) => FileHoles.NextHole(_handle, offset, end);

    public void Dispose() => _handle.Dispose();

    // EFBIG comes as an argument that is out of range.
    private IOException TooLong(long length, ArgumentException inner) => new($"{Path}: the file system holds no file of {length} bytes.", inner);

    private void RaiseLength(long end)
    {
        var seen = Volatile.Read(ref _length);
        while (end > seen)
        {
            var now = Interlocked.CompareExchange(ref _length, end, seen);
            if (now == seen) return;
            seen = now;
        }
    }
}
