using System.Text.Json;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Storage;
using Stillpoint.Transport;
using StorageUnit = Stillpoint.Storage.StorageUnit;

namespace Stillpoint.Media;

/// <summary>
/// The storage units of this media server, remembered in <c>units.json</c>. A unit is opened when it is first needed, so that one whose
/// volume is away keeps none of the others from serving, and is there again as soon as its volume is. Safe for several threads.
/// </summary>
internal sealed class AttachedUnits : IAsyncDisposable
{
    private const int MaxUnits = 1024;
    private readonly string _path;
    private readonly string _data;
    private readonly UnitEnvironment _environment;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<string, string> _folders;
    private readonly Dictionary<string, StorageUnit> _open = [];

    private AttachedUnits(string data, Dictionary<string, string> folders, UnitEnvironment environment)
    {
        _data = Path.GetFullPath(data);
        _path = Path.Combine(data, "units.json");
        _folders = folders;
        _environment = environment;
    }

    /// <summary>Reads which units there are; opens none.</summary>
    /// <exception cref="TroubleException">The file is damaged.</exception>
    public static async Task<AttachedUnits> LoadAsync(string data, MediaEnvironment environment, CancellationToken cancel)
    {
        var path = Path.Combine(data, "units.json");
        var folders = new Dictionary<string, string>(StringComparer.Ordinal);
        if (File.Exists(path))
        {
            try
            {
                var rows = JsonSerializer.Deserialize<List<Row>>(await File.ReadAllBytesAsync(path, cancel), Words.Json) ?? [];
                foreach (var row in rows) folders.Add(row.Name, row.Folder);
            }
            catch (Exception e) when (e is JsonException or ArgumentException)
            {
                throw new TroubleException(path, $"It cannot be read: {e.Message}",
                    "Restore it, or delete it and attach the storage units again.", inner: e);
            }
        }
        return new AttachedUnits(data, folders, new UnitEnvironment(environment.Time, environment.NewId, Cache: Path.Combine(data, "cache")));
    }

    /// <summary>Attaches the unit in a folder or a bucket, or makes one where there is nothing yet. Asking again for the same is no error.</summary>
    /// <param name="name">Its name at the primary.</param>
    /// <param name="folder">Absolute, or relative to the data folder; or an address of a bucket (<see cref="VolumeAddress"/>).</param>
    /// <param name="chunkSize">Bytes of a chunk, for a unit that is made.</param>
    /// <param name="compressionLevel">zstd level, for a unit that is made.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="TroubleException">The name or the folder is taken, or the folder holds something else.</exception>
    public async Task<StorageUnitInfo> AttachAsync(string name, string folder, int chunkSize, int compressionLevel, CancellationToken cancel)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > 64 || name.Any(char.IsControl))
        {
            throw new TroubleException("storage unit", "Its name is not 1 to 64 printable characters.", "Choose another name.");
        }
        if (string.IsNullOrWhiteSpace(folder))
            throw new TroubleException($"storage unit {name}", "No folder is given.", "Name a folder of the media server.");
        var full = VolumeAddress.Normalize(folder, _data);
        await _turn.WaitAsync(cancel);
        try
        {
            CheckFree(name, full);
            if (_open.TryGetValue(name, out var unit))
            {
                await unit.CheckPresentAsync(cancel);
            }
            else
            {
                // One that is attached already is never made again: an empty folder means that its volume is away.
                unit = _folders.ContainsKey(name)
                    ? await OpenKnownAsync(name, full, cancel)
                    : await OpenOrMakeAsync(name, full, chunkSize, compressionLevel, cancel);
                _open.Add(name, unit);
            }
            if (_folders.TryAdd(name, full)) Save();
            return new StorageUnitInfo(name, unit.Parameters.UnitId, full, unit.Parameters.ChunkSize, unit.FreeBytes ?? -1);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>An attached unit, opened.</summary>
    /// <exception cref="TroubleException">There is none of that name, or it cannot be opened now.</exception>
    public async Task<StorageUnit> OpenAsync(string name, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            if (_open.TryGetValue(name, out var unit)) return unit;
            if (!_folders.TryGetValue(name, out var folder))
            {
                throw new TroubleException("media server", $"It has no storage unit '{name}'.", "Attach it: storage-unit create.");
            }
            unit = await OpenKnownAsync(name, folder, cancel);
            _open.Add(name, unit);
            return unit;
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
        foreach (var unit in _open.Values) await unit.DisposeAsync();
        _turn.Dispose();
    }

    private void CheckFree(string name, string folder)
    {
        var here = _folders.GetValueOrDefault(name);
        if (here is not null && here != folder)
        {
            throw new TroubleException($"storage unit {name}", $"A unit of that name is attached already, in {here}.", "Choose another name.");
        }
        var other = _folders.FirstOrDefault(f => f.Value == folder && f.Key != name).Key;
        if (other is not null) throw new TroubleException($"storage unit {name}", $"Its folder is attached already, as '{other}'.", "Use that one.");
        if (here is null && _folders.Count >= MaxUnits)
            throw new TroubleException($"storage unit {name}", $"{MaxUnits} units are attached.", "Use another media server.");
    }

    private Task<StorageUnit> OpenKnownAsync(string name, string folder, CancellationToken cancel) =>
        StorageUnit.OpenInAsync(folder, _environment with { Name = name, Known = true }, cancel);

    private async Task<StorageUnit> OpenOrMakeAsync(string name, string folder, int chunkSize, int compressionLevel, CancellationToken cancel)
    {
        var environment = _environment with { Name = name };
        try
        {
            return await VolumeAddress.IsEmptyAsync(folder, environment, cancel)
                ? await StorageUnit.CreateInAsync(folder, chunkSize, compressionLevel, environment, cancel)
                : await StorageUnit.OpenInAsync(folder, environment, cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TroubleException($"folder {folder}", $"It cannot be used: {e.Message}",
                "Check its path and rights on the media server.", inner: e);
        }
    }

    private void Save() => DurableFile.Replace(_path,
        JsonSerializer.SerializeToUtf8Bytes(_folders.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => new Row(f.Key, f.Value)),
            Words.ReadableJson));

    private sealed record Row(string Name, string Folder);
}
