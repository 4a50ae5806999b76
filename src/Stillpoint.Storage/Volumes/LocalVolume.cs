using System.Globalization;
using System.IO.Enumeration;
using Stillpoint.Durable;

namespace Stillpoint.Storage;

/// <summary>A volume that is a directory. Objects on their way lie under <c>parts/</c>, locked by their writer, and move to their names
/// when they are whole and synced. A folder is made only beside the unit's configuration: where that is absent the directory is an empty
/// mount point, or nothing at all, and what was written there would be lost from sight when the volume comes back.</summary>
public sealed class LocalVolume : IVolume
{
    private const string Parts = "parts";

    private readonly string _root;
    private readonly Func<Guid> _newId;
    private readonly OpenFiles _files = new();

    /// <param name="directory">The directory; it must exist.</param>
    /// <param name="newId">Source of names for what is on its way.</param>
    /// <param name="name">What people call it; null where they know the directory alone.</param>
    public LocalVolume(string directory, Func<Guid> newId, string? name = null)
    {
        _root = Path.GetFullPath(directory);
        Name = name is null ? _root : $"{name} ({_root})";
        _newId = newId;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long? FreeBytes => new DriveInfo(_root).AvailableFreeSpace;

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<VolumeEntry>> ListAsync(string prefix, CancellationToken cancel)
    {
        var directory = PathOf(prefix.TrimEnd('/'));
        var entries = new List<VolumeEntry>();
        if (!Directory.Exists(directory)) return new(entries);
        foreach (var entry in Files(directory, prefix.TrimEnd('/')))
        {
            cancel.ThrowIfCancellationRequested();
            entries.Add(entry);
        }
        return new(entries);
    }

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var path = PathOf(name);
        // Packs never change and are read again and again. Of the rest some are replaced, and one is read to learn whether the directory is
        // still there: a file that is kept open would go on answering for what was.
        using var lease = _files.Open(path, keep: name.StartsWith(UnitNames.AllPacks, StringComparison.Ordinal));
        var done = 0;
        while (done < buffer.Length)
        {
            var read = RandomAccess.Read(lease.Handle, buffer.Span[done..], offset + done);
            if (read == 0) break;
            done += read;
        }
        return new(done);
    }

    /// <inheritdoc/>
    public ValueTask<bool> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var path = PathOf(name);
        MakeDirectory(Path.GetDirectoryName(path)!);
        if (DurableFile.TryCreate(path, bytes.Span, _newId().ToString("N", CultureInfo.InvariantCulture))) return new(true);
        // Another made it, perhaps a moment ago and not yet synced.
        DurableFile.SyncDirectory(Path.GetDirectoryName(path)!);
        return new(false);
    }

    /// <inheritdoc/>
    public ValueTask PutAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var path = PathOf(name);
        MakeDirectory(Path.GetDirectoryName(path)!);
        var temporary = $"{path}.{_newId():N}.new";
        try
        {
            File.WriteAllBytes(temporary, bytes.Span);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
        return default;
    }

    /// <inheritdoc/>
    public ValueTask<IVolumeWriter> CreateAsync(string name, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var path = PathOf(name);
        MakeDirectory(Path.GetDirectoryName(path)!);
        MakeDirectory(Path.Combine(_root, Parts));
        return new(new LocalWriter(Path.Combine(_root, Parts, $"{_newId():N}.part"), path));
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(string name, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var path = PathOf(name);
        _files.Forget(path);
        if (File.Exists(path)) File.Delete(path);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask SyncNamesAsync(string prefix, CancellationToken cancel)
    {
        var directory = PathOf(prefix.TrimEnd('/'));
        if (!Directory.Exists(directory)) return default;
        DurableFile.SyncDirectory(directory);
        foreach (var below in Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories)) DurableFile.SyncDirectory(below);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask<int> SweepAsync(CancellationToken cancel)
    {
        var parts = new DirectoryInfo(Path.Combine(_root, Parts));
        var swept = 0;
        if (!parts.Exists) return new(swept);
        foreach (var part in parts.EnumerateFiles("*.part"))
        {
            cancel.ThrowIfCancellationRequested();
            // An empty one may belong to a writer that has not locked it yet.
            if (part.Length == 0 || !LocalWriter.IsAbandoned(part.FullName)) continue;
            part.Delete();
            swept++;
        }
        return new(swept);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _files.Dispose();
        return default;
    }

    /// <inheritdoc/>
    public void Forget() => _files.Close();

    /// <summary>The files below a directory. One call to the system a file, and one string: a unit may have a hundred thousand.</summary>
    private static FileSystemEnumerable<VolumeEntry> Files(string directory, string name) => new(
        directory,
        (ref FileSystemEntry entry) =>
        {
            var below = entry.Directory[entry.RootDirectory.Length..];
            return new VolumeEntry(below.IsEmpty ? $"{name}/{entry.FileName}" : $"{name}{below}/{entry.FileName}".Replace('\\', '/'), entry.Length);
        },
        new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false })
    {
        // ".new" ends the name of a small object that was never finished.
        ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory && !entry.FileName.EndsWith(".new", StringComparison.Ordinal),
    };

    private void MakeDirectory(string directory)
    {
        if (Directory.Exists(directory)) return;
        if (!File.Exists(Path.Combine(_root, UnitNames.Configuration)))
            throw new DirectoryNotFoundException($"{_root} holds no {UnitNames.Configuration}, so no folder is made in it");
        MakeDirectory(Path.GetDirectoryName(directory)!);
        Directory.CreateDirectory(directory);
        DurableFile.SyncDirectory(Path.GetDirectoryName(directory)!);
    }

    /// <summary>Where an object of that name lies, whether it is there or not.</summary>
    internal string PathOf(string name)
    {
        ObjectName.Check(name);
        return Path.Combine(_root, name.Replace('/', Path.DirectorySeparatorChar));
    }
}
