using Stillpoint.Chunks;

namespace Stillpoint.Client;

/// <summary>Where a restored VM's files go on the host.</summary>
/// <param name="Folder">The VM's folder.</param>
/// <param name="Configuration">The configuration file that is imported; empty when the image has none.</param>
/// <param name="Files">All files of the image, in its order.</param>
/// <param name="Disks">All disks of the image, in its order.</param>
internal sealed record RestorePlaces(string Folder, string Configuration, IReadOnlyList<string> Files, IReadOnlyList<string> Disks)
{
    /// <summary>The role of the file that is imported.</summary>
    public const string ConfigurationRole = "configuration";

    private const string DisksFolder = "Virtual Hard Disks";
    private const string FilesFolder = "Virtual Machines";

    /// <summary>Every file that the restore writes.</summary>
    public IReadOnlyList<string> AllFiles => [.. Files, .. Disks];

    /// <summary>Every disk where it was, by its own name; the VM's folder as it was.</summary>
    public static RestorePlaces Original(RestoreSource source)
    {
        var home = OwnFolder(source.Details);
        return Make(source, home, [.. source.Details.Disks.Select(d => HostPaths.Below(
            d.HostPath is { } path ? HostPaths.FolderOf(path) : HostPaths.Below(home, DisksFolder), BaseName(d.HostPath ?? d.Name) + ".vhdx"))]);
    }

    /// <summary>The folder that was asked for, or one of the new name beside the folder of the first original disk.</summary>
    public static RestorePlaces Choose(RestoreSource source, string? folder, string newName)
    {
        var home = folder ?? HostPaths.Below(FolderOfFolders(source.Details), HostPaths.SafeFile(newName));
        var disks = new List<string>();
        foreach (var disk in source.Details.Disks)
        {
            var stem = HostPaths.StemOf(HostPaths.SafeFile(disk.Name));
            var path = HostPaths.Below(home, DisksFolder, stem + ".vhdx");
            for (var n = 2; disks.Contains(path, StringComparer.OrdinalIgnoreCase); n++)
                path = HostPaths.Below(home, DisksFolder, $"{stem}-{n}.vhdx");
            disks.Add(path);
        }
        return Make(source, home, disks);
    }

    private static RestorePlaces Make(RestoreSource source, string home, IReadOnlyList<string> disks)
    {
        var own = source.Files.Select(f => f.File).ToList();
        var files = own.ConvertAll(f => HostPaths.Below(home, FilesFolder, HostPaths.SafeFile(f.Name)));
        var at = own.FindIndex(f => f.Role == ConfigurationRole);
        return new RestorePlaces(home, at < 0 ? "" : files[at], files, disks);
    }

    /// <summary>The folders that a restore made for its files, inner ones first: each file's own and, where that is one of the two that a VM's
    /// folder has, the VM's.</summary>
    public static IReadOnlyList<string> FoldersOf(IEnumerable<string> files)
    {
        var inner = files.Select(HostPaths.FolderOf).Distinct().ToList();
        return [.. inner, .. inner.Where(f => HostPaths.FileOf(f) is DisksFolder or FilesFolder).Select(HostPaths.FolderOf).Distinct()];
    }

    /// <summary>Where VMs have their folders: above the VM's own.</summary>
    private static string FolderOfFolders(ImageDetails details) =>
        details.Disks.Count == 0 || details.Disks[0].HostPath is null ? @"C:\VMs" : HostPaths.FolderOf(OwnFolder(details));

    /// <summary>The VM's own folder: that of its first disk, or the one above where its disks have one for themselves.</summary>
    private static string OwnFolder(ImageDetails details)
    {
        if (details.Disks.Count == 0 || details.Disks[0].HostPath is not { } first) return HostPaths.Below(@"C:\VMs", HostPaths.SafeFile(details.VmName));
        var disks = HostPaths.FolderOf(first);
        return string.Equals(HostPaths.FileOf(disks), DisksFolder, StringComparison.OrdinalIgnoreCase) ? HostPaths.FolderOf(disks) : disks;
    }

    /// <summary>The name of a disk without its ending and without the id that a host gives the files on top of a checkpoint.</summary>
    private static string BaseName(string path)
    {
        var stem = HostPaths.SafeFile(HostPaths.StemOf(path));
        var cut = stem.LastIndexOf('_');
        return cut > 0 && Guid.TryParseExact(stem[(cut + 1)..], "D", out _) ? stem[..cut] : stem;
    }
}
