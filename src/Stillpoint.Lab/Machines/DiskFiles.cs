using Stillpoint.VirtualDisks;

namespace Stillpoint.Lab;

/// <summary>The disk files of the host, by host paths. A file that a VM holds open has <c>NAME.lock</c> beside it: how another process sees
/// the sharing violation that a host would give it.</summary>
internal sealed class DiskFiles(HostPaths paths, LabClock clock)
{
    private const string LockEnding = ".lock";
    private const string HiddenEnding = ".hidden";
    private const string SoundEnding = ".sound";

    // Both region tables of a VHDX (MS-VHDX 2.2): with neither, nothing in the file can be found.
    private const int RegionTablesOffset = 192 * 1024;
    private const int RegionTablesLength = 128 * 1024;

    /// <summary>Creates an empty dynamic VHDX, or a VHD where the name says so.</summary>
    public VirtualDisk CreateBase(string hostPath, long length, int sectorSize)
    {
        var local = paths.ToLocal(hostPath);
        Directory.CreateDirectory(Path.GetDirectoryName(local)!);
        if (IsVhd(hostPath)) return VhdFile.Create(local, new VhdCreateOptions { Length = length, NewId = clock.NewId, Time = clock.Time });
        return VhdxDisk.Create(local, new VhdxCreateOptions { Length = length, LogicalSectorSize = sectorSize, NewId = clock.NewId });
    }

    /// <summary>Creates a differencing file on top of a parent in the same folder, or names it by its full path.</summary>
    /// <param name="parent">Host path of the parent.</param>
    /// <param name="child">Host path of the new file.</param>
    public void CreateChild(string parent, string child)
    {
        var local = paths.ToLocal(child);
        Directory.CreateDirectory(Path.GetDirectoryName(local)!);
        var names = Names(parent, child);
        if (IsVhd(child))
        {
            VhdFile.Create(local, new VhdCreateOptions
            {
                Kind = DiskKind.Differencing, Parent = paths.ToLocal(parent), ParentPaths = names, ResolveParent = Resolve, NewId = clock.NewId,
                Time = clock.Time,
            }).Dispose();
            return;
        }
        var options = new VhdxCreateOptions
        {
            Kind = DiskKind.Differencing, Parent = paths.ToLocal(parent), ParentPaths = names, ResolveParent = Resolve, NewId = clock.NewId,
        };
        VhdxDisk.Create(local, options).Dispose();
    }

    /// <summary>Links a differencing file to another parent that has the content of its old one.</summary>
    public void SetParent(string child, string parent) => VhdxDisk.SetParent(paths.ToLocal(child), paths.ToLocal(parent),
        new VhdxLinkOptions { NewId = clock.NewId, ResolveParent = Resolve, ParentPaths = Names(parent, child) });

    /// <summary>Opens a disk with its parents.</summary>
    public VirtualDisk OpenRead(string hostPath) => OpenLocal(paths.ToLocal(hostPath));

    /// <summary>Opens a disk by its local path.</summary>
    public VirtualDisk OpenLocal(string localPath) => VirtualDisk.Open(localPath, new DiskOpenOptions { ReadOnly = true, ResolveParent = Resolve });

    /// <summary>Opens a leaf for writing.</summary>
    public VirtualDisk OpenWritable(string hostPath) =>
        VirtualDisk.Open(paths.ToLocal(hostPath), new DiskOpenOptions { ReadOnly = false, NewId = clock.NewId, ResolveParent = Resolve });

    /// <summary>Merges a leaf into the file below it; done again after a crash it ends the same.</summary>
    public void MergeIntoParent(string hostPath) =>
        DiskFile.MergeIntoParent(paths.ToLocal(hostPath), new VhdxMergeOptions { NewId = clock.NewId, ResolveParent = Resolve });

    /// <summary>True when the file is there.</summary>
    public bool Exists(string hostPath) => File.Exists(paths.ToLocal(hostPath));

    /// <summary>Local path of a disk file.</summary>
    public string Local(string hostPath) => paths.ToLocal(hostPath);

    /// <summary>True when a VM holds the file.</summary>
    public bool IsLocked(string hostPath) => File.Exists(paths.ToLocal(hostPath) + LockEnding);

    /// <summary>Marks the file as held by a VM.</summary>
    public void Lock(string hostPath) => File.WriteAllText(paths.ToLocal(hostPath) + LockEnding, "held by a virtual machine\n");

    /// <summary>Takes the mark away.</summary>
    public void Unlock(string hostPath) => File.Delete(paths.ToLocal(hostPath) + LockEnding);

    /// <summary>Takes a file out of its place until <see cref="Unhide"/>: a planned fault.</summary>
    public void Hide(string hostPath) => File.Move(paths.ToLocal(hostPath), paths.ToLocal(hostPath) + HiddenEnding);

    /// <summary>Puts a hidden file back; nothing happens when it is not hidden.</summary>
    public void Unhide(string hostPath)
    {
        var hidden = paths.ToLocal(hostPath) + HiddenEnding;
        if (File.Exists(hidden)) File.Move(hidden, paths.ToLocal(hostPath));
    }

    /// <summary>Damages a VHDX until <see cref="Mend"/>: a planned fault.</summary>
    public void Damage(string hostPath)
    {
        var sound = new byte[RegionTablesLength];
        using var file = File.OpenHandle(paths.ToLocal(hostPath), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.Read(file, sound, RegionTablesOffset);
        File.WriteAllBytes(paths.ToLocal(hostPath) + SoundEnding, sound);
        RandomAccess.Write(file, new byte[RegionTablesLength], RegionTablesOffset);
    }

    /// <summary>Makes a damaged file sound again; nothing happens when it was not damaged.</summary>
    public void Mend(string hostPath)
    {
        var kept = paths.ToLocal(hostPath) + SoundEnding;
        if (!File.Exists(kept)) return;
        using (var file = File.OpenHandle(paths.ToLocal(hostPath), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            RandomAccess.Write(file, File.ReadAllBytes(kept), RegionTablesOffset);
        }
        File.Delete(kept);
    }

    /// <summary>Deletes a disk file.</summary>
    public void Delete(string hostPath)
    {
        Unlock(hostPath);
        File.Delete(paths.ToLocal(hostPath));
    }

    /// <summary>True for a VHD, by its name.</summary>
    public static bool IsVhd(string hostPath) =>
        hostPath.EndsWith(".vhd", StringComparison.OrdinalIgnoreCase) || hostPath.EndsWith(".avhd", StringComparison.OrdinalIgnoreCase);

    private static ParentPaths Names(string parent, string child)
    {
        var sameFolder = HostPaths.Folder(parent).Equals(HostPaths.Folder(child), StringComparison.OrdinalIgnoreCase);
        return new ParentPaths(sameFolder ? $@".\{HostPaths.Name(parent)}" : null, @"\\?\" + parent);
    }

    private string? Resolve(string childPath, ParentLocator locator)
    {
        // On a host the relative path comes first, and the files of a moved folder find each other; so here.
        if (locator.RelativePath is { } relative)
        {
            var beside = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(childPath)!, relative.Replace('\\', '/')));
            if (File.Exists(beside)) return beside;
        }
        if (locator.AbsolutePath is not { } absolute) return null;
        return absolute.StartsWith('/') ? absolute : paths.ToLocal(absolute);
    }
}
