using System.Runtime.CompilerServices;

namespace Stillpoint.Chunks;

/// <summary>A chunk of a stream: its number, and its id, which is the default where all its bytes are zero.</summary>
public readonly record struct ChunkAt(long Number, ChunkId Id);

/// <summary>Reads a tree: the chunks of a range, one chunk, or what differs between two trees, without reading the rest.</summary>
public sealed class TreeReader(IImageReader reader, TreeShape shape, NodeId root)
{
    private const int ReadAhead = 16;

    /// <summary>The chunks that are not zero, ascending, from number <paramref name="first"/> up to, not including, <paramref name="end"/>.</summary>
    public IAsyncEnumerable<ChunkAt> ChunksAsync(long first, long end, CancellationToken cancel) =>
        WalkAsync(root, shape.RootLevel, 0, first, Math.Min(end, shape.ChunkCount), cancel);

    /// <summary>All chunks that are not zero, ascending.</summary>
    public IAsyncEnumerable<ChunkAt> ChunksAsync(CancellationToken cancel) => ChunksAsync(0, shape.ChunkCount, cancel);

    /// <summary>The id of one chunk; the default when it is zero.</summary>
    public async ValueTask<ChunkId> FindAsync(long chunk, CancellationToken cancel)
    {
        if (chunk < 0 || chunk >= shape.ChunkCount) throw new ArgumentOutOfRangeException(nameof(chunk), chunk, "no such chunk");
        var id = root;
        for (var level = shape.RootLevel; ; level--)
        {
            if (id == default) return default;
            var node = await OpenAsync(id, level, cancel);
            var child = (int)(chunk / TreeShape.ChildSpan(level) % StoreFormat.Fanout);
            if (level == 0) return node.Chunk(child);
            id = node.Node(child);
        }
    }

    /// <summary>The chunks, ascending, whose ids differ from those of a tree of the same shape; shared subtrees are not read.</summary>
    public IAsyncEnumerable<ChunkAt> DifferenceAsync(NodeId other, CancellationToken cancel) =>
        CompareAsync(root, other, shape.RootLevel, 0, cancel);

    private async IAsyncEnumerable<ChunkAt> WalkAsync(
        NodeId id, int level, long from, long first, long end, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (id == default) yield break;
        var node = await OpenAsync(id, level, cancel);
        var span = TreeShape.ChildSpan(level);
        if (level == 0)
        {
            for (var child = 0; child < StoreFormat.Fanout; child++)
                if (node.Has(child) && from + child >= first && from + child < end) yield return new ChunkAt(from + child, node.Chunk(child));
            yield break;
        }
        if (level > 1)
        {
            for (var child = 0; child < StoreFormat.Fanout; child++)
            {
                var start = from + child * span;
                if (!node.Has(child) || start + span <= first || start >= end) continue;
                await foreach (var chunk in WalkAsync(node.Node(child), level - 1, start, first, end, cancel)) yield return chunk;
            }
            yield break;
        }
        // Above the leaves: over a network each read costs a round trip, so some are always on their way.
        var ahead = new Queue<(long Start, Task<TreeNode> Leaf)>();
        try
        {
            for (var child = 0; child < StoreFormat.Fanout || ahead.Count > 0;)
            {
                for (; child < StoreFormat.Fanout && ahead.Count < ReadAhead; child++)
                {
                    var start = from + child * span;
                    if (node.Has(child) && start + span > first && start < end) ahead.Enqueue((start, OpenAsync(node.Node(child), 0, cancel).AsTask()));
                }
                if (ahead.Count == 0) continue;
                var (leafStart, pending) = ahead.Dequeue();
                var leaf = await pending;
                for (var i = 0; i < StoreFormat.Fanout; i++)
                    if (leaf.Has(i) && leafStart + i >= first && leafStart + i < end) yield return new ChunkAt(leafStart + i, leaf.Chunk(i));
            }
        }
        finally
        {
            foreach (var (_, pending) in ahead) await pending.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
        }
    }

    private async IAsyncEnumerable<ChunkAt> CompareAsync(
        NodeId mine, NodeId other, int level, long from, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (mine == other) yield break;
        var left = mine == default ? null : await OpenAsync(mine, level, cancel);
        var right = other == default ? null : await OpenAsync(other, level, cancel);
        var span = TreeShape.ChildSpan(level);
        for (var child = 0; child < StoreFormat.Fanout; child++)
        {
            var start = from + child * span;
            if (level == 0)
            {
                var id = left?.Chunk(child) ?? default;
                if (id != (right?.Chunk(child) ?? default)) yield return new ChunkAt(start, id);
                continue;
            }
            await foreach (var chunk in CompareAsync(left?.Node(child) ?? default, right?.Node(child) ?? default, level - 1, start, cancel))
                yield return chunk;
        }
    }

    private async ValueTask<TreeNode> OpenAsync(NodeId id, int level, CancellationToken cancel) =>
        TreeNode.Open(id, await reader.ReadNodeAsync(id, cancel), level);
}
