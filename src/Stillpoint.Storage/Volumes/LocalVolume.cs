using System.Collections.Concurrent;
using System.Globalization;
using Stillpoint.Durable;

namespace Stillpoint.Storage;

/// <summary>A volume that is a directory. Objects on their way lie under <c>parts/</c>, locked by their writer, and move to their names
/// when they are whole and synced. A folder is made only beside the unit's configuration: where that is absent the directory is an empty
/// mount point, or nothing at all, and what was written there would be lost from sight when the volume comes back. A file
/// <c>reserve</c> takes up a little space, so that on a full disk there is room for the few small objects that let a collect begin.</summary>
public sealed class LocalVolume : IVolume
{
    private const string Parts = "parts", Packs = "packs", Reserve = "reserve";

    /// <summary>How the name of a small object ends that is on its way.</summary>
    private const string Unfinished = ".new";

    private const long LeastReserve = 256 << 10, MostReserve = 16 << 20;
    private const int ReserveShare = 128, UnixNoSpace = 28, WindowsNoSpace = unchecked((int)0x80070070);

    /// <summary>What has to be written before anything can be deleted.</summary>
    private static readonly string[] s_freeing = [UnitNames.Condemned, UnitNames.Keepings, UnitNames.Ends, UnitNames.BrokenGlass];

    private static readonly string[] s_ofRoot = [UnitNames.Configuration, UnitNames.PrimaryKey];

    private readonly string _root;
    private readonly Func<Guid> _newId;
    private readonly IFileCalls _calls;
    private readonly OpenFiles _files;
    private readonly ConcurrentDictionary<string, bool> _durable = new();

    /// <param name="directory">The directory; it must exist.</param>
    /// <param name="newId">Source of names for what is on its way.</param>
    /// <param name="name">What people call it; null where they know the directory alone.</param>
    /// <param name="calls">The file system; this machine's when null.</param>
    public LocalVolume(string directory, Func<Guid> newId, string? name = null, IFileCalls? calls = null)
    {
        _root = Path.GetFullPath(directory);
        Name = name is null ? _root : $"{name} ({_root})";
        _newId = newId;
        _calls = calls ?? SystemFiles.Instance;
        _files = new OpenFiles(_calls);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long? FreeBytes => new DriveInfo(_root).AvailableFreeSpace;

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<VolumeEntry>> ListAsync(string prefix, CancellationToken cancel) =>
        new(Entries(prefix, _calls.Files, cancel));

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<VolumeEntry>> ListNamesAsync(string prefix, CancellationToken cancel) =>
        new(Entries(prefix, folder => _calls.FileNames(folder).Select(path => (path, VolumeEntry.NotAsked)), cancel));

    private List<VolumeEntry> Entries(string prefix, Func<string, IEnumerable<(string Path, long Length)>> files, CancellationToken cancel)
    {
        var directory = PathOf(prefix.TrimEnd('/'));
        var entries = new List<VolumeEntry>();
        if (!_calls.FolderExists(directory)) return entries;
        // A unit may have a hundred thousand files: what is done for each counts.
        var from = Path.EndsInDirectorySeparator(_root) ? _root.Length : _root.Length + 1;
        foreach (var (path, length) in files(directory))
        {
            cancel.ThrowIfCancellationRequested();
            if (path.EndsWith(Unfinished, StringComparison.Ordinal)) continue;
            entries.Add(new VolumeEntry(path[from..].Replace('\\', '/'), length));
        }
        return entries;
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
            var read = lease.File.Read(buffer.Span[done..], offset + done);
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
        try
        {
            return new(PutIfAbsent(path, bytes.Span));
        }
        catch (IOException e) when (e.HResult is UnixNoSpace or WindowsNoSpace
            && s_freeing.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) && TryFreeReserve())
        {
            return new(PutIfAbsent(path, bytes.Span));
        }
    }

    private bool PutIfAbsent(string path, ReadOnlySpan<byte> bytes)
    {
        MakeFolder(Path.GetDirectoryName(path)!);
        if (DurableFile.TryCreate(_calls, path, bytes, NewId())) return true;
        // Another made it, perhaps a moment ago and not yet synced.
        _calls.SyncFolder(Path.GetDirectoryName(path)!);
        return false;
    }

    /// <inheritdoc/>
    public ValueTask PutAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var path = PathOf(name);
        MakeFolder(Path.GetDirectoryName(path)!);
        var temporary = $"{path}.{NewId()}{Unfinished}";
        try
        {
            using var file = _calls.Create(temporary);
            file.Write(bytes.Span, 0);
            // While it is open it is locked, and no sweep takes it away.
            _calls.Move(temporary, path, overwrite: true);
        }
        catch
        {
            _calls.Delete(temporary);
            throw;
        }
        return default;
    }

    /// <inheritdoc/>
    public ValueTask<IVolumeWriter> CreateAsync(string name, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var path = PathOf(name);
        MakeFolder(Path.GetDirectoryName(path)!);
        MakeFolder(Path.Combine(_root, Parts));
        return new(new LocalWriter(_calls, Path.Combine(_root, Parts, $"{NewId()}.part"), path));
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(string name, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var path = PathOf(name);
        _files.Forget(path);
        _calls.Delete(path);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask SyncNamesAsync(string prefix, CancellationToken cancel)
    {
        var directory = PathOf(prefix.TrimEnd('/'));
        if (!_calls.FolderExists(directory)) return default;
        foreach (var folder in _calls.Folders(directory).Prepend(directory)) _calls.SyncFolder(folder);
        return default;
    }

    /// <inheritdoc/>
    public ValueTask<int> SweepAsync(CancellationToken cancel)
    {
        KeepReserve();
        var parts = Path.Combine(_root, Parts);
        return new(_calls.FolderExists(parts) ? Sweep(parts, ".part", cancel) : 0);
    }

    /// <inheritdoc/>
    public ValueTask<int> SweepSmallAsync(CancellationToken cancel) => new(_calls.Folders(_root)
        .Where(folder => Path.GetDirectoryName(folder) == _root && Path.GetFileName(folder) is not (Parts or Packs)).ToList()
        .Sum(folder => Sweep(folder, Unfinished, cancel)) + Sweep(_calls.FilesIn(_root).Where(f => IsOfInit(f.Path)), cancel));

    /// <summary>What an init or an attach leaves that dies. All else beside them belongs to whoever owns the directory.</summary>
    private static bool IsOfInit(string path) => path.EndsWith(Unfinished, StringComparison.Ordinal)
        && s_ofRoot.Any(name => Path.GetFileName(path).StartsWith(name + ".", StringComparison.Ordinal));

    private int Sweep(string folder, string ending, CancellationToken cancel) =>
        Sweep(_calls.Files(folder).Where(f => f.Path.EndsWith(ending, StringComparison.Ordinal)), cancel);

    private int Sweep(IEnumerable<(string Path, long Length)> files, CancellationToken cancel)
    {
        var swept = 0;
        foreach (var (path, length) in files.ToList())
        {
            cancel.ThrowIfCancellationRequested();
            // An empty one may belong to a writer that has not locked it yet.
            if (length == 0 || !_calls.IsAbandoned(path)) continue;
            _calls.Delete(path);
            swept++;
        }
        return swept;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _files.Dispose();
        return default;
    }

    /// <inheritdoc/>
    public void Forget()
    {
        _files.Close();
        _durable.Clear();
    }

    /// <summary>Returns when the folder is there and its name survives a power cut. One that another process made a moment ago may be there
    /// without that, so each process syncs each name once.</summary>
    private void MakeFolder(string folder)
    {
        var there = _calls.FolderExists(folder);
        if (folder == _root || (there && _durable.ContainsKey(folder))) return;
        if (!there)
        {
            if (!_calls.FileExists(Path.Combine(_root, UnitNames.Configuration)))
                throw new DirectoryNotFoundException($"{_root} holds no {UnitNames.Configuration}, so no folder is made in it");
            MakeFolder(Path.GetDirectoryName(folder)!);
            _calls.MakeFolder(folder);
        }
        else
        {
            MakeFolder(Path.GetDirectoryName(folder)!);
        }
        _calls.SyncFolder(Path.GetDirectoryName(folder)!);
        _durable[folder] = true;
    }

    /// <summary>Takes up the reserve where there is ample space for it.</summary>
    private void KeepReserve()
    {
        var path = Path.Combine(_root, Reserve);
        if (_calls.FileExists(path) || !_calls.FileExists(Path.Combine(_root, UnitNames.Configuration))) return;
        try
        {
            var drive = new DriveInfo(_root);
            var size = Math.Clamp(drive.TotalSize / ReserveShare, LeastReserve, MostReserve);
            if (drive.AvailableFreeSpace > 2 * size) _calls.Reserve(path, size);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Without it a full disk needs a hand to free a little; no backup fails for that.
        }
    }

    private bool TryFreeReserve()
    {
        var path = Path.Combine(_root, Reserve);
        if (!_calls.FileExists(path)) return false;
        _calls.Delete(path);
        return true;
    }

    private string NewId() => _newId().ToString("N", CultureInfo.InvariantCulture);

    /// <summary>Where an object of that name lies, whether it is there or not.</summary>
    internal string PathOf(string name)
    {
        ObjectName.Check(name);
        return Path.Combine(_root, name.Replace('/', Path.DirectorySeparatorChar));
    }
}
