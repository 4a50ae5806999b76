namespace Stillpoint.VirtualDisks;

/// <summary>A file's name says one format and its content another; only somebody who knows can tell, by <see cref="DiskOpenOptions.Format"/>.</summary>
public sealed class AmbiguousFormatException : IOException
{
    /// <param name="path">The file.</param>
    /// <param name="byName">What its name says.</param>
    /// <param name="byContent">What its content looks like.</param>
    public AmbiguousFormatException(string path, DiskFormat byName, DiskFormat byContent)
        : base($"{path} is {Word(byName)} by its name and looks like {Word(byContent)} inside.") => (Path, ByName, ByContent) = (path, byName, byContent);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What its name says.</summary>
    public DiskFormat ByName { get; }

    /// <summary>What its content looks like.</summary>
    public DiskFormat ByContent { get; }

    private static string Word(DiskFormat format) => format == DiskFormat.Raw ? "raw" : format.ToString().ToUpperInvariant();
}
