namespace Stillpoint.Cli;

/// <summary>A folder that a command makes for its files, with those above it that are missing; they go again, as far as they are empty, unless the
/// command succeeds.</summary>
internal sealed class MadeFolder : IDisposable
{
    private readonly List<string> _made = [];
    private bool _kept;

    private MadeFolder()
    {
    }

    /// <summary>Makes the folder where it is missing.</summary>
    public static MadeFolder Make(string path)
    {
        var folder = new MadeFolder();
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        for (var at = full; at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at)) folder._made.Add(at);
        try
        {
            Directory.CreateDirectory(full);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>The folder is wanted.</summary>
    public void Keep() => _kept = true;

    public void Dispose()
    {
        if (_kept) return;
        try
        {
            // Those further in come first; one that holds something stays, and all above it.
            foreach (var folder in _made)
                if (Directory.Exists(folder)) Directory.Delete(folder, recursive: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Why the work failed matters more.
        }
    }
}
