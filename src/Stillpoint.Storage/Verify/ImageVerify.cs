using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Walks the trees of images after the packs were checked. A subtree that several images share is walked once.</summary>
internal sealed class ImageVerify(UnitParameters unit, IImageReader reader, DomainIndex index, IReadOnlyDictionary<string, PackVerify.Result> packs)
{
    private readonly Dictionary<NodeId, string?> _known = [];
    private readonly Dictionary<ChunkId, int> _short = packs.Values.SelectMany(p => p.Short).GroupBy(p => p.Key).ToDictionary(g => g.Key, g => g.First().Value);

    /// <summary>Null when all of the image is there and sound, else what is not.</summary>
    public async Task<string?> RunAsync(ImageHeader header, CancellationToken cancel)
    {
        foreach (var stream in header.Streams)
        {
            try
            {
                var shape = TreeShape.Checked(stream.Length, unit.ChunkSize);
                if (await WalkAsync(shape, stream.Root, shape.RootLevel, 0, cancel) is { } why) return why;
            }
            catch (TroubleException e)
            {
                return $"{e.Trouble.Culprit}: {e.Trouble.Message}";
            }
        }
        return null;
    }

    /// <summary>True when a sound copy of a chunk or node is there.</summary>
    public bool HasSound(PackKind kind, ChunkId id) =>
        (kind == PackKind.Nodes ? index.TryFind(new NodeId(id.A, id.B, id.C, id.D), out var pack, out var location) : index.TryFind(id, out pack, out location))
        && !IsBad(pack, location);

    private async ValueTask<string?> WalkAsync(TreeShape shape, NodeId id, int level, long from, CancellationToken cancel)
    {
        if (id == default) return null;
        var span = TreeShape.ChildSpan(level);
        // The last chunk of a stream may be short, so a node at the end is looked at in its place.
        var whole = from + span * StoreFormat.Fanout < shape.ChunkCount;
        if (whole && _known.TryGetValue(id, out var known)) return known;
        var why = await LookAsync(shape, id, level, from, cancel);
        if (whole) _known[id] = why;
        return why;
    }

    private async ValueTask<string?> LookAsync(TreeShape shape, NodeId id, int level, long from, CancellationToken cancel)
    {
        if (index.TryFind(id, out var pack, out var location) && IsBad(pack, location)) return $"tree node {id} is damaged";
        var node = TreeNode.Open(id, await reader.ReadNodeAsync(id, cancel), level);
        for (var child = 0; child < StoreFormat.Fanout; child++)
        {
            if (!node.Has(child)) continue;
            var start = from + child * TreeShape.ChildSpan(level);
            if (start >= shape.ChunkCount) return $"tree node {id} names children past its stream's end";
            var why = level > 0
                ? await WalkAsync(shape, node.Node(child), level - 1, start, cancel)
                : LookAt(node.Chunk(child), shape.LengthOf(start));
            if (why is not null) return why;
        }
        return null;
    }

    private string? LookAt(ChunkId id, int length)
    {
        if (!index.TryFind(id, out var pack, out var location)) return $"chunk {id} is missing";
        if (IsBad(pack, location)) return $"chunk {id} is damaged";
        if (!packs.TryGetValue(pack.Name, out var result) || !result.LengthsKnown) return null;
        var held = _short.TryGetValue(id, out var less) ? less : unit.ChunkSize;
        return held == length ? null : $"chunk {id} holds {held} bytes where {length} are due";
    }

    /// <summary>A pack that came after the packs were read is taken for what its trailer says.</summary>
    private bool IsBad(PackFile pack, Location location) => packs.TryGetValue(pack.Name, out var result) && (result.Lost || result.Bad.Contains(location.Offset));
}
