using System.Runtime.CompilerServices;

namespace Stillpoint.Durable;

/// <summary>
/// The calls to a file system on which durability rests, so that a test can stand below them and take the power away. What survives a power
/// cut: bytes of a file that was synced, and names of a folder that was synced since they came there; of all else any part. A sync that was
/// answered with an error made nothing durable. Errors come as <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.
/// </summary>
public interface IFileCalls
{
    /// <summary>True for a folder that is there now.</summary>
    bool FolderExists(string path);

    /// <summary>True for a file that is there now.</summary>
    bool FileExists(string path);

    /// <summary>Makes a folder in one that is there; nothing happens when it is there already.</summary>
    void MakeFolder(string path);

    /// <summary>Paths and lengths of all files in a folder and below it.</summary>
    IEnumerable<(string Path, long Length)> Files(string folder);

    /// <summary>Paths of all files in a folder and below it: as <see cref="Files"/>, where a length may cost a call for each.</summary>
    IEnumerable<string> FileNames(string folder) => Files(folder).Select(file => file.Path);

    /// <summary>Paths and lengths of the files in a folder itself.</summary>
    IEnumerable<(string Path, long Length)> FilesIn(string folder) => Files(folder).Where(file => System.IO.Path.GetDirectoryName(file.Path) == folder);

    /// <summary>Paths of all folders below a folder.</summary>
    IEnumerable<string> Folders(string folder);

    /// <summary>Creates a file that is not there yet and locks it: nobody else opens it by this port until it is disposed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mode">Unix permissions; the system's default when null.</param>
    IOpenFile Create(string path, UnixFileMode? mode = null);

    /// <summary>Creates a file that takes up space and holds nothing; nothing happens when it is there already.</summary>
    void Reserve(string path, long bytes);

    /// <summary>Opens a file for reading. It may be replaced or deleted meanwhile.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    IOpenFile OpenRead(string path);

    /// <summary>True when no living process holds the file by <see cref="Create"/>.</summary>
    bool IsAbandoned(string path);

    /// <summary>Gives a file another name.</summary>
    void Move(string from, string to, bool overwrite);

    /// <summary>Gives a file a name unless that is taken; the old name stays or goes.</summary>
    /// <returns>False when the name is taken.</returns>
    bool TryClaim(string from, string to);

    /// <summary>Deletes a file; nothing happens when it is absent.</summary>
    void Delete(string path);

    /// <summary>Runs slow calls of this port away from the caller's thread, so that it can go on.</summary>
    Task RunAsync(Action calls, CancellationToken cancel);

    /// <summary>Returns when the names in the folder survive a power cut.</summary>
    /// <param name="folder">The folder; the names of folders in it count, what is in those does not.</param>
    /// <param name="point">Which of the program's sync points this is.</param>
    void SyncFolder(string folder, [CallerMemberName] string point = "");
}

/// <summary>An open file.</summary>
public interface IOpenFile : IDisposable
{
    /// <summary>Reads at an offset; 0 at the end.</summary>
    int Read(Span<byte> buffer, long offset);

    /// <summary>Writes all the bytes at an offset.</summary>
    void Write(ReadOnlySpan<byte> bytes, long offset);

    /// <summary>Returns when the file's bytes survive a power cut.</summary>
    /// <param name="point">Which of the program's sync points this is.</param>
    void Sync([CallerMemberName] string point = "");
}
