using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// What a key domain has in the unit: its packs, and where each chunk and node lies. Holds only packs that are whole and whose names were
/// synced, so what it answers survives a power cut. Most packs are answered for by runs, which stay on disk; those that no run covers are held
/// in memory. A run that turns out to be damaged is dropped: until its packs are read by the next <see cref="RefreshAsync"/> the index is
/// <see cref="Incomplete"/> and may say that it does not know, but never that something is there which is not. Safe for use from several threads.
/// </summary>
/// <param name="domain">The domain.</param>
/// <param name="bad">Records that a verify found damaged.</param>
/// <param name="condemned">Packs that collect rounds want to delete. What lies in them alone answers as absent, so that nothing new is
/// built on it; reads still find it while it is there.</param>
/// <param name="keeper">Keeps the runs; null to use none.</param>
internal sealed partial class DomainIndex(
    Guid domain, IReadOnlySet<BadRecord> bad, IReadOnlySet<Guid> condemned, IndexKeeper? keeper = null) : IDisposable
{
    /// <summary>So few new packs are read one by one, without a look at the runs.</summary>
    private const int Few = 8;

    /// <summary>Ids that one core looks for at least: fewer are found before another core has begun.</summary>
    private const int Share = 256;

    private readonly Lock _gate = new();
    private readonly List<PackFile> _packs = [];
    private readonly Dictionary<string, Known> _known = [];
    private readonly HashSet<string> _dropped = [];
    private readonly List<string> _runDamage = [];
    private readonly SemaphoreSlim _refreshing = new(1);
    private LooseRecords _loose = new();
    private RunView[] _runs = [];
    private volatile bool _incomplete;

    public Guid Domain { get; } = domain;

    public IReadOnlySet<BadRecord> Bad { get; } = bad;

    public IReadOnlySet<Guid> Condemned { get; } = condemned;

    /// <summary>True from the moment that a run was dropped until its packs were read: a miss may be wrong.</summary>
    public bool Incomplete => _incomplete;

    /// <summary>Packs that could not be used, and why.</summary>
    public IReadOnlyList<string> Unusable
    {
        get
        {
            lock (_gate) return [.. _known.Values.Select(known => known.Why).OfType<string>()];
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

    /// <summary>Number of packs that are held in memory.</summary>
    public int Loose
    {
        get
        {
            lock (_gate) return _loose.Packs.Count;
        }
    }

    /// <summary>Numbers of chunks and nodes; one that two packs hold may count twice.</summary>
    public (long Chunks, long Nodes) Count
    {
        get
        {
            lock (_gate)
            {
                var (chunks, nodes) = _loose.Count;
                foreach (var pack in _runs.SelectMany(view => view.Packs).DistinctBy(pack => pack.File.Name))
                {
                    if (pack.File.Header.Kind == PackKind.Nodes) nodes += pack.Records;
                    else chunks += pack.Records;
                }
                return (chunks, nodes);
            }
        }
    }

    /// <summary>For each id, whether it is there to build on.</summary>
    public void Find(IReadOnlyList<ChunkId> ids, bool[] found)
    {
        RunView[] runs;
        lock (_gate)
        {
            for (var i = 0; i < found.Length; i++) found[i] = found[i] || _loose.TryFind(PackKind.Data, ids[i], Standing.Good, out _);
            runs = _runs;
        }
        if (runs.Length == 0) return;
        var order = Missing(ids, found);
        foreach (var view in runs)
        {
            if (order.Length < 2 * Share) Ask(view, () => view.Find(ids, order, found));
            else AskSideBySide(view, ids, order, found);
        }
    }

    /// <summary>For each id, whether it is there; a miss is true too.</summary>
    public async ValueTask FindAsync(IVolume volume, Guid unit, IReadOnlyList<ChunkId> ids, bool[] found, CancellationToken cancel)
    {
        Find(ids, found);
        while (Incomplete && Array.IndexOf(found, false) >= 0 && await RefreshAsync(volume, unit, cancel)) Find(ids, found);
    }

    /// <summary>True when the node is there to build on.</summary>
    public bool Holds(NodeId id) => Find(PackKind.Nodes, AsChunk(id), Standing.Good) is not null;

    /// <summary>Where a chunk lies; a copy in a condemned pack, or else a damaged one, when there is no other.</summary>
    public bool TryFind(ChunkId id, out PackFile pack, out Location location) => Locate(PackKind.Data, id, out pack, out location) != Standing.Absent;

    /// <summary>Where a node lies; a copy in a condemned pack, or else a damaged one, when there is no other.</summary>
    public bool TryFind(NodeId id, out PackFile pack, out Location location) =>
        Locate(PackKind.Nodes, AsChunk(id), out pack, out location) != Standing.Absent;

    /// <summary>The best copy of a chunk or node and how it stands.</summary>
    public Standing Locate(PackKind kind, ChunkId id, out PackFile pack, out Location location)
    {
        for (var standing = Standing.Good; standing > Standing.Absent; standing--)
        {
            // Most indexes hold nothing that is condemned or damaged, and then a run is asked once.
            if ((standing == Standing.Condemned && Condemned.Count == 0) || (standing == Standing.Damaged && Bad.Count == 0)) continue;
            if (Find(kind, id, standing) is not var (foundPack, foundLocation)) continue;
            (pack, location) = (foundPack, foundLocation);
            return standing;
        }
        (pack, location) = (null!, default);
        return Standing.Absent;
    }

    /// <summary>Takes up a pack that became durable.</summary>
    public void Add(PackFile pack, IReadOnlyList<PackEntry> entries)
    {
        int loose;
        lock (_gate)
        {
            var there = _known.TryGetValue(pack.Name, out var known);
            if (there && !known.Pending) return;
            var number = there ? known.Number : NumberOf(pack);
            _known[pack.Name] = new Known(number);
            _loose.Add(pack, number, entries, offset => StandingOf(pack, offset));
            loose = _loose.Packs.Count;
        }
        if (loose % IndexUpkeep.MostLoose == 0) keeper?.Start(this);
    }

    /// <summary>The records of a domain that verifies have found damaged.</summary>
    public static async Task<IReadOnlySet<BadRecord>> BadAsync(IVolume volume, Guid domain, CancellationToken cancel) =>
        (await volume.ListAsync(UnitNames.AllBad(domain), cancel)).Select(entry => UnitNames.BadOf(entry.Name)).OfType<BadRecord>().ToHashSet();

    /// <summary>Takes up the packs that others completed since, and the runs that were made.</summary>
    /// <returns>False when a pack that the index answers for is not listed any more; a condemned one may go at any time.</returns>
    public async Task<bool> RefreshAsync(IVolume volume, Guid unit, CancellationToken cancel)
    {
        await _refreshing.WaitAsync(cancel);
        try
        {
            int before;
            lock (_gate) before = _packs.Count;
            var listed = await volume.ListAsync(UnitNames.Packs(Domain), cancel);
            var fresh = Fresh(listed);
            var names = listed.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
            // What was added while the list was made may not be in it.
            lock (_gate)
                if (!_packs.Take(before).All(pack => names.Contains(pack.Name) || Condemned.Contains(pack.Header.Pack))) return false;
            if (fresh.Count == 0 && Loose < IndexUpkeep.MostLoose)
            {
                Settle(names);
                return true;
            }
            // Before anybody builds on them: another process may have moved them to their names a moment ago.
            await volume.SyncNamesAsync(UnitNames.Packs(Domain), cancel);
            if (keeper is not null && (fresh.Count > Few || Loose >= IndexUpkeep.MostLoose))
            {
                await TakeUpRunsAsync(keeper.Files, listed, cancel);
                fresh = Fresh(listed);
                if (fresh.Count > 2 * IndexUpkeep.MostLoose && await keeper.TryRunAsync(Domain, cancel))
                {
                    await TakeUpRunsAsync(keeper.Files, listed, cancel);
                    fresh = Fresh(listed);
                }
            }
            await LoadAsync(volume, unit, fresh, cancel);
            Settle(names);
            return true;
        }
        finally
        {
            _refreshing.Release();
        }
    }

    /// <summary>Holds what runs say of a pack against what the pack says itself: a run that says otherwise is dropped.</summary>
    public void Prove(PackFile pack, IReadOnlyList<PackEntry> entries)
    {
        RunView[] runs;
        lock (_gate) runs = _runs;
        foreach (var view in runs)
        {
            Ask(view, () =>
            {
                if (view.Agrees(pack, entries) != false) return;
                throw Damage.Of($"index run {view.Run.Name}", $"it does not say what pack {pack.Name} holds");
            });
        }
    }

    /// <summary>The runs that were found damaged since this was last asked, and how. Nothing is lost with them.</summary>
    public IReadOnlyList<string> TakeRunDamage()
    {
        lock (_gate)
        {
            string[] damage = [.. _runDamage];
            _runDamage.Clear();
            return damage;
        }
    }

    /// <summary>Closes the runs; nobody uses the index any more.</summary>
    public void Dispose()
    {
        foreach (var view in _runs) view.Run.Dispose();
        _refreshing.Dispose();
    }

    internal static ChunkId AsChunk(NodeId id) => new(id.A, id.B, id.C, id.D);

    private Standing StandingOf(PackFile pack, uint offset) =>
        Bad.Count > 0 && Bad.Contains(new BadRecord(pack.Header.Pack, offset)) ? Standing.Damaged
        : Condemned.Count > 0 && Condemned.Contains(pack.Header.Pack) ? Standing.Condemned
        : Standing.Good;

    private (PackFile Pack, Location Location)? Find(PackKind kind, ChunkId id, Standing standing)
    {
        RunView[] runs;
        lock (_gate)
        {
            if (_loose.TryFind(kind, id, standing, out var location)) return (_packs[location.Pack], location);
            runs = _runs;
        }
        (PackFile, Location)? found = null;
        for (var i = 0; i < runs.Length && found is null; i++)
        {
            var view = runs[i];
            Ask(view, () => found = view.Find(kind, id, standing));
        }
        return found;
    }

    /// <summary>Each core looks for a range of the ids, so each still meets its pages in order.</summary>
    private void AskSideBySide(RunView view, IReadOnlyList<ChunkId> ids, int[] order, bool[] found)
    {
        // More parts than cores: one that is called away does not hold up the rest.
        var parts = Math.Min(order.Length / Share, Environment.ProcessorCount * 4);
        Parallel.For(0, parts, part =>
        {
            var from = (int)((long)order.Length * part / parts);
            var to = (int)((long)order.Length * (part + 1) / parts);
            Ask(view, () => view.Find(ids, order.AsSpan(from, to - from), found));
        });
    }

    /// <summary>Numbers of the ids that were not found, in the order of the ids: a run then reads each of its pages once.</summary>
    private static int[] Missing(IReadOnlyList<ChunkId> ids, bool[] found)
    {
        var order = new int[found.AsSpan().Count(false)];
        var heads = new ulong[order.Length];
        for (int i = 0, at = 0; i < found.Length; i++)
        {
            if (found[i]) continue;
            heads[at] = ids[i].A;
            order[at++] = i;
        }
        Array.Sort(heads, order);
        return order;
    }

    /// <summary>The number of a pack; a new one when the index has not seen it.</summary>
    private int NumberOf(PackFile pack)
    {
        _packs.Add(pack);
        return _packs.Count - 1;
    }
}
