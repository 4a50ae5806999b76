using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>
/// Proves that all an image refers to is in the domain and durable, before the image exists. What it shares with its base, stream by
/// stream, was proved when the base was committed, so the cost follows what changed. A subtree met twice is looked at once: a tree that
/// names one node a million times costs no more than an honest one. A base that was given up meanwhile proves nothing: then all is looked
/// at, and what lies in condemned packs alone is missing.
/// </summary>
internal sealed class CommitCheck(StorageUnit unit, IImageReader reader, DomainIndex index)
{
    private const int BatchSize = 4096;

    private readonly HashSet<NodeId> _seen = [];
    private readonly List<ChunkId> _chunks = [];

    /// <exception cref="Model.TroubleException">Something is missing, or the trees do not fit their streams.</exception>
    public async Task RunAsync(ImageHeader header, CancellationToken cancel)
    {
        var baseStreams = await BaseStreamsAsync(header, cancel);
        for (var i = 0; i < header.Streams.Count; i++)
        {
            var stream = header.Streams[i];
            var shape = TreeShape.Checked(stream.Length, unit.Parameters.ChunkSize);
            var shared = i < baseStreams.Count && baseStreams[i].Length == stream.Length && baseStreams[i].Kind == stream.Kind ? baseStreams[i].Root : default;
            await WalkAsync(shape, stream.Root, shared, shape.RootLevel, 0, cancel);
        }
        await LookAsync(cancel);
    }

    private async Task<IReadOnlyList<StreamHeader>> BaseStreamsAsync(ImageHeader header, CancellationToken cancel)
    {
        if (header.BaseImageId is not { } id) return [];
        var images = await reader.ListImagesAsync(cancel);
        if (images.FirstOrDefault(image => image.Header.Id == id) is { } found) return found.Header.Streams;
        // Given up since the session chose it: what the new image shares with it is looked at as if it were new.
        if ((await unit.Keepings.OfAsync(id, cancel)).Expired) return [];
        throw UnitTrouble.Refused(unit.Name, $"the base, image {id:N}, is not an image of this VM.", "run a full backup");
    }

    private async ValueTask WalkAsync(TreeShape shape, NodeId id, NodeId shared, int level, long from, CancellationToken cancel)
    {
        if (id == default || id == shared) return;
        var span = TreeShape.ChildSpan(level);
        var whole = from + span * StoreFormat.Fanout <= shape.ChunkCount;
        // At the stream's end the same node may be too long, so it is looked at in its place.
        if (level > 0 && whole && !_seen.Add(id)) return;
        if (!index.Holds(id)) throw new Model.TroubleException($"tree node {id}", $"an image names it, and it did not come to storage unit {unit.Name}.", "run the backup again");
        var node = TreeNode.Open(id, await reader.ReadNodeAsync(id, cancel), level);
        var other = shared == default ? null : TreeNode.Open(shared, await reader.ReadNodeAsync(shared, cancel), level);
        for (var child = 0; child < StoreFormat.Fanout; child++)
        {
            if (!node.Has(child)) continue;
            var start = from + child * span;
            if (start >= shape.ChunkCount) throw Damage.Of($"tree node {id}", "it names children past its stream's end");
            if (level > 0) await WalkAsync(shape, node.Node(child), other?.Node(child) ?? default, level - 1, start, cancel);
            else if (other is null || node.Chunk(child) != other.Chunk(child)) _chunks.Add(node.Chunk(child));
        }
        if (_chunks.Count >= BatchSize) await LookAsync(cancel);
    }

    private async ValueTask LookAsync(CancellationToken cancel)
    {
        var found = new bool[_chunks.Count];
        await index.FindAsync(unit.Volume, unit.Parameters.UnitId, _chunks, found, cancel);
        var missing = Array.IndexOf(found, false);
        if (missing >= 0)
            throw UnitTrouble.Refused(unit.Name, $"the image names chunk {_chunks[missing]}, which did not come.", "run the backup again");
        _chunks.Clear();
    }
}
