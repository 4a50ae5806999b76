using System.Text.Json;
using Stillpoint.Durable;
using Stillpoint.Extents;

namespace Stillpoint.Lab;

/// <summary>
/// Change tracking of one disk as RCT does it: ids are sealed at checkpoints, and each knows the granules written since, so answers
/// are supersets of what changed. Kept in <c>DISK.rct</c> beside the disk; nothing is known of the real file's format.
/// </summary>
internal sealed class ChangeTracking
{
    private readonly string _path;
    private readonly long _granule;
    private readonly List<Epoch> _epochs;

    private ChangeTracking(string path, long granule, List<Epoch> epochs)
    {
        _path = path;
        _granule = granule;
        _epochs = epochs;
    }

    /// <summary>What was written from one id to the next.</summary>
    private sealed record Epoch(string Id, ExtentSet Written);

    private readonly Dictionary<string, uint> _lost = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>An id with its runs, or one that was lost with the error that asking for it gives.</summary>
    private sealed record Row(string Id, long[] Runs, uint Lost = 0);

    /// <summary>Reads the file; a missing one means that nothing was tracked yet.</summary>
    /// <param name="path">The file.</param>
    /// <param name="granule">Bytes of a granule, of what is written from now on.</param>
    public static ChangeTracking Load(string path, long granule)
    {
        if (!File.Exists(path)) return new ChangeTracking(path, granule, []);
        var rows = JsonSerializer.Deserialize<List<Row>>(File.ReadAllBytes(path)) ?? [];
        var tracking = new ChangeTracking(path, granule, [.. rows.Where(r => r.Lost == 0).Select(r => new Epoch(r.Id, FromRuns(r.Runs)))]);
        foreach (var row in rows.Where(r => r.Lost != 0)) tracking._lost[row.Id] = row.Lost;
        return tracking;
    }

    /// <summary>True when an id was sealed: writes must be recorded.</summary>
    public bool IsOn => _epochs.Count > 0;

    /// <summary>Adds what is about to be written; durable before this returns, so that a crash can only make answers too large.</summary>
    public void Record(ExtentSet written)
    {
        if (!IsOn) return;
        _epochs[^1] = _epochs[^1] with { Written = _epochs[^1].Written.Union(written.AlignOut(_granule, long.MaxValue)) };
        Save();
    }

    /// <summary>Begins a new id.</summary>
    public void Seal(string id)
    {
        _epochs.Add(new Epoch(id, ExtentSet.Empty));
        Save();
    }

    /// <summary>Granules written from <paramref name="from"/> to <paramref name="until"/> (null: until now); null when an id is not known.</summary>
    public ExtentSet? Query(string from, string? until)
    {
        var first = _epochs.FindIndex(e => e.Id.Equals(from, StringComparison.OrdinalIgnoreCase));
        var last = until is null ? _epochs.Count : _epochs.FindIndex(e => e.Id.Equals(until, StringComparison.OrdinalIgnoreCase));
        if (first < 0 || last < 0 || last < first) return null;
        return _epochs[first..last].Aggregate(ExtentSet.Empty, (all, e) => all.Union(e.Written));
    }

    /// <summary>The error that asking for an id gives; 0 for none of its own.</summary>
    public uint ErrorOf(string id) => _lost.GetValueOrDefault(id);

    /// <summary>Loses every id: whoever asks for one gets this error. New ids are sound again.</summary>
    public void Lose(uint error)
    {
        foreach (var epoch in _epochs) _lost[epoch.Id] = error;
        _epochs.Clear();
        Save();
    }

    /// <summary>Forgets every id but these; what was written since a forgotten one still counts for those before it.</summary>
    public void Keep(IReadOnlySet<string> ids)
    {
        for (var i = _epochs.Count - 1; i >= 0; i--)
        {
            if (ids.Contains(_epochs[i].Id)) continue;
            if (i > 0) _epochs[i - 1] = _epochs[i - 1] with { Written = _epochs[i - 1].Written.Union(_epochs[i].Written) };
            _epochs.RemoveAt(i);
        }
        Save();
    }

    private void Save()
    {
        Row[] rows =
        [
            .. _epochs.Select(e => new Row(e.Id, [.. e.Written.SelectMany(r => new[] { r.Offset, r.Length })])), .. _lost.Select(l => new Row(l.Key, [], l.Value)),
        ];
        DurableFile.Replace(_path, JsonSerializer.SerializeToUtf8Bytes(rows));
    }

    private static ExtentSet FromRuns(long[] runs) => ExtentSet.Of(runs.Chunk(2).Where(r => r.Length == 2).Select(r => new Extent(r[0], r[1])));
}
