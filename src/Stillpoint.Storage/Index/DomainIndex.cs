using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>What a key domain has in the unit: its packs, and where each chunk and node lies. Holds only packs that are whole and whose
/// names were synced, so what it answers survives a power cut. Safe for use from several threads.</summary>
/// <param name="domain">The domain.</param>
/// <param name="bad">Records that a verify found damaged.</param>
/// <param name="condemned">Packs that collect rounds want to delete. What lies in them alone answers as absent, so that nothing new is
/// built on it; reads still find it while it is there.</param>
internal sealed class DomainIndex(Guid domain, IReadOnlySet<BadRecord> bad, IReadOnlySet<Guid> condemned)
{
    private readonly Lock _gate = new();
    private readonly IdIndex _chunks = new();
    private readonly IdIndex _nodes = new();
    private readonly IdIndex _leavingChunks = new();
    private readonly IdIndex _leavingNodes = new();
    private readonly IdIndex _badChunks = new();
    private readonly IdIndex _badNodes = new();
    private readonly List<PackFile> _packs = [];
    private readonly Dictionary<string, string?> _known = [];

    public Guid Domain { get; } = domain;

    public IReadOnlySet<BadRecord> Bad { get; } = bad;

    public IReadOnlySet<Guid> Condemned { get; } = condemned;

    /// <summary>Packs that could not be used, and why.</summary>
    public IReadOnlyList<string> Unusable
    {
        get
        {
            lock (_gate) return [.. _known.Values.OfType<string>()];
        }
    }

    /// <summary>The packs.</summary>
    public IReadOnlyList<PackFile> Packs
    {
        get
        {
            lock (_gate) return [.. _packs];
        }
    }

    /// <summary>Numbers of distinct chunks and nodes.</summary>
    public (int Chunks, int Nodes) Count
    {
        get
        {
            lock (_gate) return (_chunks.Count, _nodes.Count);
        }
    }

    /// <summary>For each id, whether it is there.</summary>
    public void Find(IReadOnlyList<ChunkId> ids, bool[] found)
    {
        lock (_gate)
        {
            for (var i = 0; i < found.Length; i++) found[i] = found[i] || _chunks.TryFind(ids[i], out _);
        }
    }

    /// <summary>True when the node is there and not known to be damaged.</summary>
    public bool Holds(NodeId id)
    {
        lock (_gate) return _nodes.TryFind(AsChunk(id), out _);
    }

    /// <summary>Where a chunk lies; a copy in a condemned pack, or else a damaged one, when there is no other.</summary>
    public bool TryFind(ChunkId id, out PackFile pack, out Location location) => Locate(PackKind.Data, id, out pack, out location) != Standing.Absent;

    /// <summary>Where a node lies; a copy in a condemned pack, or else a damaged one, when there is no other.</summary>
    public bool TryFind(NodeId id, out PackFile pack, out Location location) => Locate(PackKind.Nodes, AsChunk(id), out pack, out location) != Standing.Absent;

    /// <summary>The best copy of a chunk or node and how it stands.</summary>
    public Standing Locate(PackKind kind, ChunkId id, out PackFile pack, out Location location)
    {
        var nodes = kind == PackKind.Nodes;
        lock (_gate)
        {
            var standing = (nodes ? _nodes : _chunks).TryFind(id, out location) ? Standing.Good
                : (nodes ? _leavingNodes : _leavingChunks).TryFind(id, out location) ? Standing.Condemned
                : (nodes ? _badNodes : _badChunks).TryFind(id, out location) ? Standing.Damaged
                : Standing.Absent;
            pack = standing == Standing.Absent ? null! : _packs[location.Pack];
            return standing;
        }
    }

    /// <summary>Takes up a pack that became durable.</summary>
    public void Add(PackFile pack, IReadOnlyList<PackEntry> entries)
    {
        lock (_gate)
        {
            if (!_known.TryAdd(pack.Name, null)) return;
            var number = _packs.Count;
            _packs.Add(pack);
            var (good, leaving, damaged) = pack.Header.Kind == PackKind.Nodes ? (_nodes, _leavingNodes, _badNodes) : (_chunks, _leavingChunks, _badChunks);
            if (Condemned.Contains(pack.Header.Pack)) good = leaving;
            good.Reserve(entries.Count);
            foreach (var entry in entries)
            {
                var index = Bad.Count > 0 && Bad.Contains(new BadRecord(pack.Header.Pack, entry.Offset)) ? damaged : good;
                index.Add(entry.Id, new Location(number, entry.Offset, entry.StoredLength));
            }
        }
    }

    /// <summary>The records of a domain that verifies have found damaged.</summary>
    public static async Task<IReadOnlySet<BadRecord>> BadAsync(IVolume volume, Guid domain, CancellationToken cancel) =>
        (await volume.ListAsync(UnitNames.AllBad(domain), cancel)).Select(entry => UnitNames.BadOf(entry.Name)).OfType<BadRecord>().ToHashSet();

    /// <summary>Takes up the packs that others completed since.</summary>
    /// <returns>False when a pack that the index answers for is not listed any more; a condemned one may go at any time.</returns>
    public async Task<bool> RefreshAsync(IVolume volume, Guid unit, CancellationToken cancel)
    {
        var prefix = UnitNames.Packs(Domain);
        int before;
        lock (_gate) before = _packs.Count;
        var listed = await volume.ListAsync(prefix, cancel);
        var names = listed.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        List<VolumeEntry> fresh;
        lock (_gate)
        {
            // What was added while the list was made may not be in it.
            if (!_packs.Take(before).All(pack => names.Contains(pack.Name) || Condemned.Contains(pack.Header.Pack))) return false;
            fresh = [.. listed.Where(entry => !_known.ContainsKey(entry.Name))];
        }
        if (fresh.Count == 0) return true;
        // Before anybody builds on them: another process may have moved them to their names a moment ago.
        await volume.SyncNamesAsync(prefix, cancel);
        foreach (var entry in fresh.OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            try
            {
                var (pack, entries, _) = await PackFile.LoadAsync(volume, entry, unit, cancel);
                Add(pack, entries);
            }
            catch (TroubleException e)
            {
                // One pack that is lost must not take the rest with it; verify tells of it, and whoever needs its records hears of them.
                lock (_gate) _known[entry.Name] = e.Trouble.ToString();
            }
            catch (FileNotFoundException)
            {
                // Deleted since it was listed.
            }
        }
        return true;
    }

    internal static ChunkId AsChunk(NodeId id) => new(id.A, id.B, id.C, id.D);
}
