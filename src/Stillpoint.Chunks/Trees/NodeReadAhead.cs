namespace Stillpoint.Chunks;

/// <summary>
/// Nodes of a base tree that will be edited soon, read before the editor asks: over a network each read costs a round trip, and the
/// editor takes them one by one. Holds the last 2,048 nodes, at most 8 MiB. Safe for use from several threads.
/// </summary>
internal sealed class NodeReadAhead(IImageReader reader, TreeShape shape, NodeId root)
{
    private const int Kept = 2048;

    private readonly Lock _gate = new();
    private readonly Dictionary<NodeId, Task<ReadOnlyMemory<byte>>> _nodes = [];
    private readonly Queue<NodeId> _oldest = [];

    /// <summary>A node's bytes.</summary>
    public Task<ReadOnlyMemory<byte>> ReadAsync(NodeId id, CancellationToken cancel)
    {
        lock (_gate)
        {
            if (_nodes.TryGetValue(id, out var known) && !known.IsFaulted && !known.IsCanceled) return known;
            var read = reader.ReadNodeAsync(id, cancel).AsTask();
            if (_nodes.TryAdd(id, read)) _oldest.Enqueue(id);
            else _nodes[id] = read;
            if (_oldest.Count > Kept) _nodes.Remove(_oldest.Dequeue());
            return read;
        }
    }

    /// <summary>Reads the paths to the leaves of all chunks in <paramref name="part"/>.</summary>
    public async Task WarmAsync(UploadPart part, CancellationToken cancel)
    {
        if (root == default) return;
        var leaves = new List<long>();
        foreach (var piece in part.Pieces)
        {
            for (var leaf = piece.FirstChunk / StoreFormat.Fanout; leaf <= (piece.FirstChunk + piece.Count - 1) / StoreFormat.Fanout; leaf++)
                if ((leaves.Count == 0 || leaves[^1] != leaf) && leaves.Count < 64) leaves.Add(leaf);
        }
        await Task.WhenAll(leaves.Select(leaf => DescendAsync(leaf * StoreFormat.Fanout, cancel)));
    }

    private async Task DescendAsync(long chunk, CancellationToken cancel)
    {
        var id = root;
        for (var level = shape.RootLevel; id != default; level--)
        {
            var bytes = await ReadAsync(id, cancel);
            if (level == 0) return;
            id = TreeNode.Open(id, bytes, level).Node((int)(chunk / TreeShape.ChildSpan(level) % StoreFormat.Fanout));
        }
    }
}
