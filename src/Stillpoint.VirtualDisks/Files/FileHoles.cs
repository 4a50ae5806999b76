using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Stillpoint.VirtualDisks;

/// <summary>Where a host file has holes, by lseek(2) SEEK_DATA and SEEK_HOLE. On a system that cannot tell, everything is data.</summary>
internal static partial class FileHoles
{
    private const int SeekData = 3;
    private const int SeekHole = 4;
    private const int NoSuchData = 6; // ENXIO: nothing but a hole up to the end

    internal static long NextData(SafeFileHandle file, long offset, long end)
    {
        if (offset >= end || !OperatingSystem.IsLinux()) return Math.Min(offset, end);
        var found = Seek(file, offset, SeekData, out var error);
        if (found < 0) return error == NoSuchData ? end : offset;
        return Math.Clamp(found, offset, end);
    }

    internal static long NextHole(SafeFileHandle file, long offset, long end)
    {
        if (offset >= end || !OperatingSystem.IsLinux()) return end;
        var found = Seek(file, offset, SeekHole, out _);
        return found < 0 ? end : Math.Clamp(found, offset, end);
    }

    private static long Seek(SafeFileHandle file, long offset, int whence, out int error)
    {
        var found = lseek(file, offset, whence);
        error = found < 0 ? Marshal.GetLastPInvokeError() : 0;
        return found;
    }

    // Reads and writes here are all positional, so moving the shared file position disturbs nobody.
    [LibraryImport("libc", SetLastError = true)]
    private static partial long lseek(SafeFileHandle file, long offset, int whence);
}
