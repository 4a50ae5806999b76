using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>The records of packs that no run covers, in memory: about 38 bytes each. Not safe for several threads.</summary>
internal sealed class LooseRecords
{
    /// <summary>Chunks and nodes apart, each by how their copies stand.</summary>
    private readonly Dictionary<(PackKind Kind, Standing Standing), IdIndex> _tables = [];

    /// <summary>Numbers of the packs.</summary>
    public HashSet<int> Packs { get; } = [];

    /// <summary>Numbers of chunks and nodes, distinct but for copies that stand differently.</summary>
    public (long Chunks, long Nodes) Count => (CountOf(PackKind.Data), CountOf(PackKind.Nodes));

    /// <summary>Where a copy lies that stands so.</summary>
    public bool TryFind(PackKind kind, ChunkId id, Standing standing, out Location location)
    {
        location = default;
        return _tables.TryGetValue((kind, standing), out var table) && table.TryFind(id, out location);
    }

    /// <param name="pack">The pack.</param>
    /// <param name="number">Its number.</param>
    /// <param name="entries">Its records.</param>
    /// <param name="standing">How a record at that offset stands.</param>
    public void Add(PackFile pack, int number, IReadOnlyList<PackEntry> entries, Func<uint, Standing> standing)
    {
        Packs.Add(number);
        if (entries.Count > 0) Table(pack.Header.Kind, standing(entries[0].Offset)).Reserve(entries.Count);
        foreach (var entry in entries)
            Table(pack.Header.Kind, standing(entry.Offset)).Add(entry.Id, new Location(number, entry.Offset, entry.StoredLength));
    }

    /// <summary>The rest when some packs are answered for by a run.</summary>
    public LooseRecords Without(IReadOnlySet<int> packs)
    {
        if (!Packs.Overlaps(packs)) return this;
        var rest = new LooseRecords();
        rest.Packs.UnionWith(Packs.Where(number => !packs.Contains(number)));
        foreach (var (which, table) in _tables) rest._tables.Add(which, table.Without(packs));
        return rest;
    }

    private long CountOf(PackKind kind) =>
        _tables.Where(table => table.Key.Kind == kind && table.Key.Standing != Standing.Damaged).Sum(table => (long)table.Value.Count);

    private IdIndex Table(PackKind kind, Standing standing)
    {
        if (!_tables.TryGetValue((kind, standing), out var table)) _tables.Add((kind, standing), table = new IdIndex());
        return table;
    }
}
