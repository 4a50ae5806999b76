using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Where a copy comes from: one domain of a unit; and, for nodes, the unit that is healed itself where it holds them sound.</summary>
/// <param name="unit">The unit.</param>
/// <param name="index">The domain's index there.</param>
/// <param name="healed">The reader and the index of the unit that is healed; null for a copy to another.</param>
internal sealed class CopySource(StorageUnit unit, DomainIndex index, (RecordReads Reads, DomainIndex Index)? healed = null)
{
    public string Name => unit.Name;

    public RecordReads Records { get; } = new(unit.Volume, index, cancel => unit.FreshIndexAsync(index.Domain, cancel));

    public ValueTask<ReadOnlyMemory<byte>> NodeAsync(NodeId id, CancellationToken cancel) =>
        healed is { } own && own.Index.Holds(id) ? own.Reads.NodeAsync(id, cancel) : Records.NodeAsync(id, cancel);

    /// <summary>Of these chunks those that the source has sound, in the order in which they lie.</summary>
    public async Task<IReadOnlyList<ChunkId>> InOrderAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel)
    {
        var refreshed = false;
        while (true)
        {
            var there = new bool[ids.Count];
            index.Find(ids, there);
            if (refreshed || !there.Contains(false)) return InOrder(ids, there);
            await index.RefreshAsync(unit.Volume, unit.Parameters.UnitId, cancel);
            refreshed = true;
        }
    }

    private List<ChunkId> InOrder(IReadOnlyList<ChunkId> ids, bool[] there)
    {
        var placed = new List<(int Pack, uint Offset, ChunkId Id)>(ids.Count);
        for (var i = 0; i < ids.Count; i++)
            if (there[i] && index.TryFind(ids[i], out _, out var location)) placed.Add((location.Pack, location.Offset, ids[i]));
        placed.Sort(static (x, y) => (x.Pack, x.Offset).CompareTo((y.Pack, y.Offset)));
        return placed.ConvertAll(p => p.Id);
    }
}
