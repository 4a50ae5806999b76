using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Finds what the images of one domain need. Each chunk and node is needed once: in the copy that the index prefers, so other copies are
/// free to go. What the index finds only in condemned or damaged copies is named apart.
/// </summary>
internal sealed class LiveMark
{
    private const int Batch = 64;

    private readonly StorageUnit _unit;
    private readonly DomainIndex _index;
    private readonly RecordReads _reads;
    private readonly Dictionary<int, long> _liveBytes = [];
    private readonly HashSet<NodeId> _seen = [];
    private readonly List<NodeId> _open = [];

    private LiveMark(StorageUnit unit, DomainIndex index)
    {
        _unit = unit;
        _index = index;
        _reads = new RecordReads(unit.Volume, index, cancel => unit.FreshIndexAsync(index.Domain, cancel));
    }

    /// <summary>The copies that are needed.</summary>
    public MarkSet Needed { get; } = new();

    /// <summary>Needed chunks and nodes of which the index knows no copy outside of condemned packs: perhaps none at all, which may be its fault.</summary>
    public HashSet<ChunkId> CondemnedChunks { get; } = [];

    /// <inheritdoc cref="CondemnedChunks"/>
    public HashSet<ChunkId> CondemnedNodes { get; } = [];

    /// <summary>Bytes of the needed records of a pack, with their headers and trailer entries.</summary>
    public long LiveBytes(int pack) => _liveBytes.GetValueOrDefault(pack);

    /// <summary>
    /// Marks from all committed images but <paramref name="givenUp"/>. An image that was given up later, and of which another round has
    /// deleted something since, is marked as far as it is there: but then the list of images is read anew first, because what was
    /// built on it is committed by then.
    /// </summary>
    /// <exception cref="TroubleException">An image cannot be read through, so nobody can say what it needs.</exception>
    public static async Task<LiveMark> RunAsync(StorageUnit unit, DomainIndex index, IReadOnlySet<Guid> givenUp, CancellationToken cancel)
    {
        var broken = new HashSet<Guid>();
        while (true)
        {
            var mark = new LiveMark(unit, index);
            var before = broken.Count;
            foreach (var end in await unit.Catalog.EndsAsync(cancel))
            {
                if (end.State != EndState.Committed || givenUp.Contains(end.Image)) continue;
                await mark.ImageAsync(end, broken, cancel);
            }
            if (broken.Count > before) continue;
            if (!index.Incomplete) return mark;
            // A run of the index turned out to be damaged on the way, so what was missed may be there.
            if (!await index.RefreshAsync(unit.Volume, unit.Parameters.UnitId, cancel)) return mark;
        }
    }

    private async Task ImageAsync(SessionEnd end, HashSet<Guid> broken, CancellationToken cancel)
    {
        StoredImage image;
        try
        {
            image = await _unit.Catalog.ImageAsync(end, cancel);
        }
        catch (FileNotFoundException)
        {
            await BreakAsync(end.Image, broken, null, cancel);
            return;
        }
        if (image.Header.Domain != _index.Domain) return;
        foreach (var stream in image.Header.Streams) Meet(stream.Root);
        while (_open.Count > 0)
        {
            var batch = _open.GetRange(Math.Max(0, _open.Count - Batch), Math.Min(Batch, _open.Count));
            _open.RemoveRange(_open.Count - batch.Count, batch.Count);
            foreach (var (id, node, trouble) in await Task.WhenAll(batch.Select(id => ReadAsync(id, cancel))))
            {
                if (node is not null)
                {
                    Take(node);
                    continue;
                }
                await BreakAsync(end.Image, broken, (id, trouble!), cancel);
                _seen.Remove(id);
            }
        }
    }

    private async Task<(NodeId Id, TreeNode? Node, TroubleException? Trouble)> ReadAsync(NodeId id, CancellationToken cancel)
    {
        try
        {
            if (!Mark(PackKind.Nodes, DomainIndex.AsChunk(id)))
            {
                await _index.RefreshAsync(_unit.Volume, _unit.Parameters.UnitId, cancel);
                Mark(PackKind.Nodes, DomainIndex.AsChunk(id));
            }
            var bytes = await _reads.NodeAsync(id, cancel);
            return (id, TreeNode.Open(id, bytes), null);
        }
        catch (TroubleException e)
        {
            return (id, null, e);
        }
    }

    private void Take(TreeNode node)
    {
        for (var child = 0; child < StoreFormat.Fanout; child++)
        {
            if (!node.Has(child)) continue;
            if (node.Level > 0) Meet(node.Node(child));
            else Mark(PackKind.Data, node.Chunk(child));
        }
    }

    private void Meet(NodeId id)
    {
        if (id != default && _seen.Add(id)) _open.Add(id);
    }

    /// <summary>False when no pack holds it.</summary>
    private bool Mark(PackKind kind, ChunkId id)
    {
        var standing = _index.Locate(kind, id, out var pack, out var location);
        if (standing == Standing.Absent)
        {
            // Lost, or in a pack that a run of the index says nothing of: no pack that holds it may go.
            (kind == PackKind.Nodes ? CondemnedNodes : CondemnedChunks).Add(id);
            return false;
        }
        if (_index.Condemned.Contains(pack.Header.Pack)) (kind == PackKind.Nodes ? CondemnedNodes : CondemnedChunks).Add(id);
        if (!Needed.Add(location.Pack, location.Offset)) return true;
        _liveBytes[location.Pack] = _liveBytes.GetValueOrDefault(location.Pack) + StoreFormat.RecordOverhead + location.StoredLength;
        return true;
    }

    private async Task BreakAsync(Guid image, HashSet<Guid> broken, (NodeId Id, TroubleException Trouble)? why, CancellationToken cancel)
    {
        if ((await _unit.Keepings.OfAsync(image, cancel)).Expired)
        {
            broken.Add(image);
            return;
        }
        throw new TroubleException(
            $"storage unit {_unit.Name}", $"image {image:D} cannot be read through, so nobody can say what it needs: "
            + (why is { } w ? $"tree node {w.Id}: {w.Trouble.Trouble.Message}" : "its object is gone."),
            $"repair it by a backup of its VM, or give it up with: stillpoint store expire UNIT {image:D}", inner: why?.Trouble);
    }
}
