using Microsoft.Win32.SafeHandles;

namespace Stillpoint.Durable;

/// <summary>
/// Writes a large file past the page cache where the system can (O_DIRECT on Linux): what is written once and read much later only pushes
/// out what others need, and the final sync finds nothing left to put down. Blocks must begin and end at multiples of
/// <see cref="Alignment"/>, in memory and in the file; the first one that does not, or that the file system refuses, goes through the cache, and so does
/// all that follows. Never durable before <see cref="DurableFile.Sync"/>. Safe for use from several threads for ranges that do not meet.
/// </summary>
public sealed class DirectFile
{
    /// <summary>Bytes that every file system on Linux is content with.</summary>
    public const int Alignment = 4096;

    private const int InvalidArgument = 22; // EINVAL

    private readonly SafeFileHandle _file;
    private volatile State _state;

    /// <param name="file">A file; its owner closes it.</param>
    public DirectFile(SafeFileHandle file)
    {
        ArgumentNullException.ThrowIfNull(file);
        _file = file;
        _state = OperatingSystem.IsLinux() ? State.Untried : State.Cached;
    }

    private enum State
    {
        Untried,
        Direct,
        Cached,
    }

    /// <summary>True once a write has passed the cache, until one could not.</summary>
    public bool IsDirect => _state == State.Direct;

    /// <summary>Writes all of <paramref name="bytes"/> at <paramref name="offset"/>.</summary>
    /// <exception cref="IOException">They could not be written.</exception>
    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        if (_state != State.Cached)
        {
            if (!IsAligned(bytes, offset)) ThroughCache();
            else if (_state == State.Untried) _state = Set(true) ? State.Direct : State.Cached;
        }
        try
        {
            RandomAccess.Write(_file, bytes, offset);
        }
        catch (IOException e) when (_state == State.Direct && e.HResult == InvalidArgument)
        {
            // A device with larger blocks than any that is known.
            ThroughCache();
            RandomAccess.Write(_file, bytes, offset);
        }
    }

    private void ThroughCache()
    {
        var was = _state;
        _state = State.Cached;
        if (was == State.Direct) Set(false);
    }

    private static unsafe bool IsAligned(ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* start = bytes) return ((nuint)start | (nuint)bytes.Length | (nuint)offset) % Alignment == 0;
    }

    private bool Set(bool direct)
    {
        var added = false;
        try
        {
            _file.DangerousAddRef(ref added);
            return Unix.SetDirect(checked((int)_file.DangerousGetHandle()), direct);
        }
        finally
        {
            if (added) _file.DangerousRelease();
        }
    }
}
