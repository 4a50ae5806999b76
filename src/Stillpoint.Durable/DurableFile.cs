using System.Buffers;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Stillpoint.Durable;

/// <summary>
/// What a crash or a power cut may not undo. .NET raises nothing when fsync fails on Linux, and has no fsync of a directory, so the calls
/// are made here and their results checked. A failed sync is final for that file: the kernel may already have dropped the dirty pages.
/// </summary>
public static partial class DurableFile
{
    private const string Unfinished = ".new";
    private const int NameDigits = 16;

    /// <summary>Nobody takes so long from the first byte of a small file to its name.</summary>
    private static readonly TimeSpan s_dead = TimeSpan.FromHours(1);

    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789abcdef");

    /// <summary>Waits until the file's data and size are on stable storage.</summary>
    /// <exception cref="IOException">The system reported an error; what was written since the last sync must be taken as lost.</exception>
    public static void Sync(SafeFileHandle file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var added = false;
        try
        {
            file.DangerousAddRef(ref added);
            if (OperatingSystem.IsWindows())
            {
                if (!FlushFileBuffers(file.DangerousGetHandle())) throw Failed("FlushFileBuffers", Marshal.GetLastPInvokeError());
            }
            else if (UnixSync(checked((int)file.DangerousGetHandle())) is var error and not 0)
            {
                throw Failed("fsync", error);
            }
        }
        finally
        {
            if (added) file.DangerousRelease();
        }
    }

    /// <summary>Asks Linux to start putting down what was written, so that the next <see cref="Sync"/> finds less to wait for. Promises
    /// nothing; where the system cannot, nothing happens and the sync does all of it.</summary>
    public static void StartSync(SafeFileHandle file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!OperatingSystem.IsLinux()) return;
        var added = false;
        try
        {
            file.DangerousAddRef(ref added);
            _ = Unix.StartSync(checked((int)file.DangerousGetHandle()));
        }
        finally
        {
            if (added) file.DangerousRelease();
        }
    }

    /// <summary>Waits until the names in a directory are on stable storage: needed after a create, a rename or a delete in it. On Windows
    /// the file system journals names itself and nothing is done.</summary>
    /// <exception cref="IOException">The directory could not be opened or synced.</exception>
    public static void SyncDirectory(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (OperatingSystem.IsWindows()) return;
        var descriptor = UnixOpenDirectory(directory);
        try
        {
            if (UnixSync(descriptor) is var error and not 0) throw Failed($"fsync of {directory}", error);
        }
        finally
        {
            _ = Unix.Close(descriptor);
        }
    }

    /// <summary>Writes a whole small file so that after a crash the path holds either the old bytes or the new ones, never a part. Of several that do so at
    /// once some one's bytes are there, whole. Takes away what those left beside it who died on the way an hour ago or more.</summary>
    /// <param name="path">The file; its directory must exist.</param>
    /// <param name="bytes">The whole content.</param>
    /// <param name="mode">Unix permissions; owner read and write by default.</param>
    public static void Replace(string path, ReadOnlySpan<byte> bytes, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var temporary = $"{path}.{RandomNumberGenerator.GetHexString(NameDigits, lowercase: true)}{Unfinished}";
        try
        {
            WriteSynced(temporary, FileMode.CreateNew, bytes, mode);
            Sweep(path, temporary);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Deletes what was left on its way to a path, by the file system's own clock: older than what was written just now.</summary>
    private static void Sweep(string path, string fresh)
    {
        var now = File.GetLastWriteTimeUtc(fresh);
        var (folder, name) = (Path.GetDirectoryName(Path.GetFullPath(path))!, Path.GetFileName(path));
        try
        {
            foreach (var left in Directory.EnumerateFiles(folder).Where(p => IsOnItsWay(Path.GetFileName(p.AsSpan()), name)).ToList())
                if (now - File.GetLastWriteTimeUtc(left) >= s_dead) File.Delete(left);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next one tries again.
        }
    }

    /// <summary>True for <c>NAME.ID.new</c>, and for <c>NAME.new</c> as it was called before.</summary>
    private static bool IsOnItsWay(ReadOnlySpan<char> file, string name)
    {
        if (!file.StartsWith(name, StringComparison.Ordinal) || !file.EndsWith(Unfinished, StringComparison.Ordinal)) return false;
        var id = file[name.Length..^Unfinished.Length];
        return id.IsEmpty || (id.Length == NameDigits + 1 && id[0] == '.' && !id[1..].ContainsAnyExcept(s_digits));
    }

    /// <summary>Creates a file that must not exist yet; of several that try at once exactly one succeeds, and a name that is there after
    /// a crash holds all its bytes.</summary>
    /// <returns>False when the file was there already.</returns>
    public static bool TryCreate(string path, ReadOnlySpan<byte> bytes, string uniqueSuffix,
        UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite) =>
        TryCreate(SystemFiles.Instance, path, bytes, uniqueSuffix, mode);

    /// <summary>As the other, by the calls that are given.</summary>
    public static bool TryCreate(
        IFileCalls files, string path, ReadOnlySpan<byte> bytes, string uniqueSuffix,
        UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        ArgumentNullException.ThrowIfNull(files);
        var temporary = $"{path}.{uniqueSuffix}{Unfinished}";
        try
        {
            using (var file = files.Create(temporary, mode))
            {
                file.Write(bytes, 0);
                file.Sync();
                // While it is open it is locked, and nobody sweeps it away as a dead process's.
                if (!files.TryClaim(temporary, path)) return false;
            }
        }
        finally
        {
            files.Delete(temporary);
        }
        files.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        return true;
    }

    private static void WriteSynced(string path, FileMode fileMode, ReadOnlySpan<byte> bytes, UnixFileMode mode)
    {
        var options = new FileStreamOptions { Mode = fileMode, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        using var file = new FileStream(path, options);
        file.Write(bytes);
        Sync(file.SafeFileHandle);
    }

    /// <summary>Gives the finished file its name unless the name is taken: a hard link on Unix, a move without overwrite on Windows.</summary>
    internal static bool Claim(string temporary, string path)
    {
        if (OperatingSystem.IsWindows())
        {
            try
            {
                File.Move(temporary, path, overwrite: false);
                return true;
            }
            catch (IOException) when (File.Exists(path))
            {
                return false;
            }
        }
        var error = Unix.Link(temporary, path);
        return error switch
        {
            0 => true,
            Unix.FileExists => false,
            _ => throw Failed($"link of {path}", error),
        };
    }

    private static int UnixSync(int descriptor)
    {
        int error;
        do error = Unix.Sync(descriptor);
        while (error == Unix.Interrupted);
        return error;
    }

    private static int UnixOpenDirectory(string directory)
    {
        var descriptor = Unix.OpenDirectory(directory, out var error);
        return descriptor >= 0 ? descriptor : throw Failed($"open of {directory}", error);
    }

    private static IOException Failed(string call, int error) =>
        new($"{call} failed: {new Win32Exception(error).Message} (error {error})", error);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool FlushFileBuffers(nint file);
}
