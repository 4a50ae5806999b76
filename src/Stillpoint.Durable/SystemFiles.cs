using System.IO.Enumeration;
using Microsoft.Win32.SafeHandles;

namespace Stillpoint.Durable;

/// <summary>The file system of this machine.</summary>
public sealed class SystemFiles : IFileCalls
{
    private SystemFiles()
    {
    }

    /// <summary>The one there is.</summary>
    public static IFileCalls Instance { get; } = new SystemFiles();

    /// <inheritdoc/>
    public bool FolderExists(string path) => Directory.Exists(path);

    /// <inheritdoc/>
    public bool FileExists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public void MakeFolder(string path) => Directory.CreateDirectory(path);

    /// <inheritdoc/>
    public IEnumerable<(string Path, long Length)> Files(string folder) =>
        // One call to the system and one string a file: a storage unit may have a hundred thousand.
        Below(folder, (ref FileSystemEntry entry) => (entry.ToFullPath(), entry.Length));

    /// <inheritdoc/>
    public IEnumerable<string> FileNames(string folder) => Below(folder, (ref FileSystemEntry entry) => entry.ToFullPath());

    /// <inheritdoc/>
    public IEnumerable<(string Path, long Length)> FilesIn(string folder) => new DirectoryInfo(folder).EnumerateFiles().Select(file => (file.FullName, file.Length));

    /// <inheritdoc/>
    public IEnumerable<string> Folders(string folder) => Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories);

    /// <inheritdoc/>
    public IOpenFile Create(string path, UnixFileMode? mode = null)
    {
        // Nobody else writes: the lock tells a sweeper that the writer lives, and the system takes it away when the writer dies. Readers may come as soon
        // as the file has its last name, which is before this is closed.
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Read | FileShare.Delete, BufferSize = 0 };
        if (mode is { } given && !OperatingSystem.IsWindows()) options.UnixCreateMode = given;
        var stream = new FileStream(path, options);
        return new OpenFile(stream.SafeFileHandle, stream);
    }

    /// <inheritdoc/>
    public void Reserve(string path, long bytes)
    {
        if (File.Exists(path)) return;
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, PreallocationSize = bytes };
        using var stream = new FileStream(path, options);
    }

    /// <inheritdoc/>
    public IOpenFile OpenRead(string path)
    {
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.RandomAccess);
        return new OpenFile(handle, handle);
    }

    /// <inheritdoc/>
    public bool IsAbandoned(string path)
    {
        try
        {
            using var probe = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Move(string from, string to, bool overwrite) => File.Move(from, to, overwrite);

    /// <inheritdoc/>
    public bool TryClaim(string from, string to) => DurableFile.Claim(from, to);

    /// <inheritdoc/>
    public void Delete(string path)
    {
        if (File.Exists(path)) File.Delete(path);
    }

    /// <inheritdoc/>
    public Task RunAsync(Action calls, CancellationToken cancel) => Task.Run(calls, cancel);

    /// <inheritdoc/>
    public void SyncFolder(string folder, string point = "") => DurableFile.SyncDirectory(folder);

    private static FileSystemEnumerable<T> Below<T>(string folder, FileSystemEnumerable<T>.FindTransform transform) => new(
        folder, transform, new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false })
    {
        ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
    };

    private sealed class OpenFile(SafeFileHandle handle, IDisposable owner) : IOpenFile
    {
        private readonly DirectFile _writes = new(handle);

        public int Read(Span<byte> buffer, long offset) => RandomAccess.Read(handle, buffer, offset);

        public void Write(ReadOnlySpan<byte> bytes, long offset) => _writes.Write(bytes, offset);

        public void Sync(string point = "") => DurableFile.Sync(handle);

        public void Dispose() => owner.Dispose();
    }
}
