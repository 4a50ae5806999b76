using System.Reflection;
using System.Runtime.InteropServices;

namespace Stillpoint.Durable;

/// <summary>The seven calls of libc that .NET lacks. They are resolved through the main program, not through "libc", so that a preloaded
/// fault shim sees them.</summary>
internal static partial class Unix
{
    internal const int Interrupted = 4;
    internal const int FileExists = 17;
    private const int OpenReadOnly = 0;
    private const int OpenDirectoryFlag = 0x10000;
    private const int OpenCloseOnExec = 0x80000;
    private const uint SyncRangeWrite = 2; // SYNC_FILE_RANGE_WRITE
    private const int GetFlags = 3, SetFlags = 4; // F_GETFL, F_SETFL
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint StatType = 1; // STATX_TYPE
    private const string Library = "stillpoint-libc";

    static Unix() => NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), Resolve);

    internal static int Sync(int descriptor) => fsync(descriptor) == 0 ? 0 : Marshal.GetLastPInvokeError();

    internal static int StartSync(int descriptor) => sync_file_range(descriptor, 0, 0, SyncRangeWrite) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Whether writes pass the page cache; false where the file system has no such thing.</summary>
    internal static bool SetDirect(int descriptor, bool direct)
    {
        // O_DIRECT differs by processor: asm/fcntl.h.
        var flag = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x10000 : 0x4000;
        var flags = fcntl(descriptor, GetFlags, 0);
        return flags >= 0 && fcntl(descriptor, SetFlags, direct ? flags | flag : flags & ~flag) == 0;
    }

    internal static int Close(int descriptor) => close(descriptor) == 0 ? 0 : Marshal.GetLastPInvokeError();

    internal static int Link(string from, string to) => link(from, to) == 0 ? 0 : Marshal.GetLastPInvokeError();

    internal static int OpenDirectory(string path, out int error)
    {
        var descriptor = open(path, OpenReadOnly | OpenDirectoryFlag | OpenCloseOnExec, 0);
        error = descriptor >= 0 ? 0 : Marshal.GetLastPInvokeError();
        return descriptor;
    }

    /// <summary>The bits of a file's mode that say what it is (S_IFMT), links followed; -1 with an error.</summary>
    internal static int FileType(string path, out int error)
    {
        // statx(2): of all kinds of stat the one whose struct is the same on every processor. stx_mode is 16 bits at byte 28.
        Span<byte> found = stackalloc byte[256];
        found.Clear();
        error = statx(CurrentFolder, path, 0, StatType, found) == 0 ? 0 : Marshal.GetLastPInvokeError();
        return error == 0 ? BitConverter.ToUInt16(found[28..]) & 0xF000 : -1;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? search) =>
        name == Library ? NativeLibrary.GetMainProgramHandle() : 0;

    [LibraryImport(Library, SetLastError = true)]
    private static partial int fsync(int descriptor);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int sync_file_range(int descriptor, long offset, long count, uint flags);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int fcntl(int descriptor, int command, int argument);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int close(int descriptor);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int link(string from, string to);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, Span<byte> found);
}
