namespace Stillpoint.VirtualDisks;

/// <summary>Where container files are opened and made.</summary>
internal interface IDiskFiles
{
    IDiskFile Open(string path, bool writable);

    /// <summary>Makes a file that must not be there yet.</summary>
    IDiskFile Create(string path);
}

internal sealed class HostFiles : IDiskFiles
{
    internal static readonly HostFiles Instance = new();

    public IDiskFile Open(string path, bool writable) => HostFile.Open(path, writable);

    public IDiskFile Create(string path) => HostFile.Create(path);
}
