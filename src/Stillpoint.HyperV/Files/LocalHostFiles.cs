using System.IO.Enumeration;
using Stillpoint.Model;
using Stillpoint.VirtualDisks;

namespace Stillpoint.HyperV;

/// <summary>
/// A host's files as this machine sees them: on the host itself by their own paths, elsewhere through a path map. Elsewhere no system lock
/// says that a VM uses a disk; a file <c>NAME.lock</c> beside it does, and gives the same error.
/// </summary>
public sealed class LocalHostFiles : IHostFiles
{
    private const int SharingViolation = unchecked((int)0x80070020);

    private readonly LocalPaths? _paths;
    private readonly Func<Guid> _newId;

    /// <param name="map">Where the host's folders lie here; empty on the host itself.</param>
    /// <param name="newId">Makes identities of new disks.</param>
    /// <exception cref="TroubleException">The map is empty and this machine is no Windows machine.</exception>
    public LocalHostFiles(IReadOnlyList<PathMapping> map, Func<Guid> newId)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Count == 0 && !OperatingSystem.IsWindows())
        {
            throw new TroubleException("the path map", "is empty, and this machine is no Hyper-V host.",
                @"Say where the host's folders lie here: --path-map 'C:\=FOLDER'.");
        }
        _paths = map.Count == 0 ? null : new LocalPaths(map);
        _newId = newId;
    }

    /// <inheritdoc/>
    public VirtualDisk OpenDisk(string hostPath) =>
        VirtualDisk.Open(Unlocked(hostPath), new DiskOpenOptions { ReadOnly = true, ResolveParent = Resolver(hostPath) });

    /// <inheritdoc/>
    public VirtualDisk OpenWritable(string hostPath) =>
        VirtualDisk.Open(Unlocked(hostPath), new DiskOpenOptions { ReadOnly = false, NewId = _newId, ResolveParent = Resolver(hostPath) });

    /// <inheritdoc/>
    public VirtualDisk CreateDisk(string hostPath, long length, int logicalSectorSize)
    {
        var path = New(hostPath);
        return VhdxDisk.Create(path, new VhdxCreateOptions { Length = length, LogicalSectorSize = logicalSectorSize, NewId = _newId });
    }

    /// <inheritdoc/>
    public FileStream OpenRead(string hostPath) =>
        new(Unlocked(hostPath), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    /// <inheritdoc/>
    public FileStream Create(string hostPath) => new(New(hostPath), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read);

    /// <inheritdoc/>
    public bool Exists(string hostPath) => File.Exists(Local(hostPath));

    /// <inheritdoc/>
    public void Delete(string hostPath)
    {
        var path = Local(hostPath);
        if (File.Exists(path)) File.Delete(Unlocked(hostPath));
    }

    /// <inheritdoc/>
    public void DeleteFolderIfEmpty(string hostPath)
    {
        var path = Local(hostPath);
        if (Directory.Exists(path) && !Directory.EnumerateFileSystemEntries(path).Any()) Directory.Delete(path);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string hostFolder, string pattern)
    {
        var folder = Local(hostFolder);
        if (!Directory.Exists(folder)) return [];
        var prefix = hostFolder.TrimEnd('\\', '/') + '\\';
        return [.. Directory.EnumerateFiles(folder)
            .Where(file => !IsLock(file))
            .Select(file => Path.GetFileName(file))
            .Where(name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: true))
            .Order(StringComparer.OrdinalIgnoreCase)
            .Select(name => prefix + name)];
    }

    /// <inheritdoc/>
    public long Length(string hostPath) => new FileInfo(Local(hostPath)).Length;

    /// <inheritdoc/>
    public VolumeSpace Space(string hostPath)
    {
        var folder = Local(hostPath);
        while (!Directory.Exists(folder))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException($"No folder of {hostPath} is there.");
        var volume = new DriveInfo(folder);
        return new(volume.AvailableFreeSpace, volume.TotalSize);
    }

    /// <summary>On the host itself the paths in a chain are good as they stand.</summary>
    private ParentResolver? Resolver(string hostPath) => _paths is null ? null : new ChainPaths(this, hostPath).Resolve;

    internal string Local(string hostPath) => _paths is null ? hostPath : _paths.Resolve(hostPath);

    internal bool IsMapped(string hostPath) => _paths is null || _paths.Holds(hostPath);

    /// <summary>The local path of a file that no VM holds.</summary>
    /// <exception cref="IOException">A VM holds it.</exception>
    internal string Unlocked(string hostPath)
    {
        var path = Local(hostPath);
        return _paths is not null && File.Exists(path + ".lock")
            ? throw new IOException($"{hostPath} is in use by a running VM.", SharingViolation)
            : path;
    }

    /// <summary>The local path of a file that is to be made; its folder is made.</summary>
    private string New(string hostPath)
    {
        var path = Local(hostPath);
        if (Path.Exists(path)) throw new IOException($"{hostPath} is there already.");
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
        return path;
    }

    private bool IsLock(string file) =>
        _paths is not null && file.EndsWith(".lock", StringComparison.Ordinal) && File.Exists(file[..^".lock".Length]);
}
