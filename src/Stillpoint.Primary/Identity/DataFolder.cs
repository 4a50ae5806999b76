using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>The folder of a primary server, held by one process at a time.</summary>
internal sealed class DataFolder : IDisposable
{
    private readonly FileStream _lock;

    private DataFolder(string path, FileStream held) => (Path, _lock) = (path, held);

    /// <summary>The folder, absolute.</summary>
    public string Path { get; }

    /// <summary>A file in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Makes the folder where it is absent and takes it.</summary>
    /// <exception cref="TroubleException">Another process has it, or it cannot be made.</exception>
    public static DataFolder Take(string folder)
    {
        var path = System.IO.Path.GetFullPath(folder);
        try
        {
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
            else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TroubleException($"folder {path}", $"It cannot be made: {e.Message}", "Give another folder with --data.", inner: e);
        }
        try
        {
            return new DataFolder(path, new FileStream(System.IO.Path.Combine(path, "primary.lock"),
                FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TroubleException($"folder {path}", "Another primary server holds it, or it may not be written.",
                "End the other one, or give another folder with --data.", retry: true, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();
}
