using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>The records of packs that no run covers, in memory: about 38 bytes each. Not safe for several threads.</summary>
internal sealed class LooseRecords
{
    private readonly IdIndex _chunks;
    private readonly IdIndex _nodes;
    private readonly IdIndex _badChunks;
    private readonly IdIndex _badNodes;

    public LooseRecords() => (_chunks, _nodes, _badChunks, _badNodes, Packs) = (new(), new(), new(), new(), new HashSet<int>());

    private LooseRecords(LooseRecords all, IReadOnlySet<int> without)
    {
        _chunks = all._chunks.Without(without);
        _nodes = all._nodes.Without(without);
        _badChunks = all._badChunks.Without(without);
        _badNodes = all._badNodes.Without(without);
        Packs = all.Packs.Where(number => !without.Contains(number)).ToHashSet();
    }

    /// <summary>Numbers of the packs.</summary>
    public HashSet<int> Packs { get; }

    /// <summary>Numbers of distinct chunks and nodes.</summary>
    public (int Chunks, int Nodes) Count => (_chunks.Count, _nodes.Count);

    /// <summary>True for a chunk that has a copy not known to be damaged.</summary>
    public bool Holds(ChunkId id) => _chunks.TryFind(id, out _);

    /// <summary>Where a record lies that is not known to be damaged, or one that is.</summary>
    public bool TryFind(PackKind kind, ChunkId id, bool damaged, out Location location) => IndexOf(kind, damaged).TryFind(id, out location);

    public void Add(PackFile pack, int number, IReadOnlyList<PackEntry> entries, IReadOnlySet<BadRecord> bad)
    {
        Packs.Add(number);
        IndexOf(pack.Header.Kind, damaged: false).Reserve(entries.Count);
        foreach (var entry in entries)
        {
            var damaged = bad.Count > 0 && bad.Contains(new BadRecord(pack.Header.Pack, entry.Offset));
            IndexOf(pack.Header.Kind, damaged).Add(entry.Id, new Location(number, entry.Offset, entry.StoredLength));
        }
    }

    /// <summary>The rest when some packs are answered for by a run.</summary>
    public LooseRecords Without(IReadOnlySet<int> packs) => Packs.Overlaps(packs) ? new LooseRecords(this, packs) : this;

    private IdIndex IndexOf(PackKind kind, bool damaged) =>
        kind == PackKind.Nodes ? (damaged ? _badNodes : _nodes) : damaged ? _badChunks : _chunks;
}
