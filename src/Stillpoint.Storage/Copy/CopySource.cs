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
        healed is { } own && own.Index.Locate(PackKind.Nodes, DomainIndex.AsChunk(id), out _, out _) is Standing.Good or Standing.Condemned
            ? own.Reads.NodeAsync(id, cancel) : Records.NodeAsync(id, cancel);

    /// <summary>Of these chunks those that the source has sound, in the order in which they lie.</summary>
    public async Task<IReadOnlyList<ChunkId>> InOrderAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel)
    {
        var found = InOrder(index, ids);
        // Others may have added to the source, or collected it, since its index was made.
        return found.Count == ids.Count ? found : InOrder(await unit.FreshIndexAsync(index.Domain, cancel), ids);
    }

    private static List<ChunkId> InOrder(DomainIndex index, IReadOnlyList<ChunkId> ids)
    {
        var placed = new List<(int Pack, uint Offset, ChunkId Id)>(ids.Count);
        foreach (var id in ids)
        {
            // A pack that a collect condemned is as good to read as any, as long as it is there.
            if (index.Locate(PackKind.Data, id, out _, out var location) is Standing.Good or Standing.Condemned)
                placed.Add((location.Pack, location.Offset, id));
        }
        placed.Sort(static (x, y) => (x.Pack, x.Offset).CompareTo((y.Pack, y.Offset)));
        return placed.ConvertAll(p => p.Id);
    }
}
