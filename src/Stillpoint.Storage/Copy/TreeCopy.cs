using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>
/// Brings what trees refer to from one unit into a writing session of another: only nodes and chunks that are not there, records byte for byte
/// as they are, so that no key is needed. A record keeps its pack's salt and its number: the same key, nonce and bytes as before. Where both
/// units hold a tree already, what a new one shares with it is not looked at.
/// </summary>
/// <param name="source">Where records come from, and nodes that the target lacks.</param>
/// <param name="target">The session that they go to.</param>
/// <param name="opener">Proves the content of each chunk before it is taken over; null trusts the checksum of its record.</param>
/// <param name="progress">Sealed bytes brought so far.</param>
internal sealed class TreeCopy(CopySource source, WriterSession target, RecordOpener? opener, IProgress<long>? progress)
{
    /// <summary>Chunks looked for at once. Large, so that what lies in one pack is taken from it in one go: each pack that is touched becomes a
    /// pack of the target, since a pack has one salt.</summary>
    private const int Batch = 256 << 10;

    /// <summary>Ids asked of the target at once, and sealed bytes held at once.</summary>
    private const int AskAtOnce = 4096, ReadAtOnce = 128;

    private readonly HashSet<NodeId> _seen = [];
    private readonly HashSet<ChunkId> _wanted = [];
    private readonly SentCounter _sent = new();
    private readonly byte[] _plain = new byte[StoreFormat.MaxChunkSize];

    /// <summary>What was put; the commit needs it.</summary>
    public SentTotals Totals => _sent.Totals;

    /// <summary>Chunks brought, and their sealed bytes.</summary>
    public (long Chunks, long Bytes) Brought { get; private set; }

    /// <summary>What neither unit has sound, in words.</summary>
    public List<string> Lost { get; } = [];

    /// <summary>True to note what cannot be had in <see cref="Lost"/> and go on, false to end with a trouble.</summary>
    public bool GoOn { get; init; }

    /// <summary>Brings one tree.</summary>
    /// <param name="stream">Its stream.</param>
    /// <param name="shared">Root of a tree of the same shape that the target holds whole; the default for none.</param>
    /// <param name="cancel">Ends the work.</param>
    public async Task RunAsync(StreamHeader stream, NodeId shared, CancellationToken cancel)
    {
        var shape = TreeShape.Checked(stream.Length, target.Unit.ChunkSize);
        await WalkAsync(shape, stream.Root, shared, shape.RootLevel, 0, cancel);
    }

    /// <summary>Brings the chunks that are still outstanding.</summary>
    public async Task FinishAsync(CancellationToken cancel)
    {
        var ids = _wanted.ToList();
        _wanted.Clear();
        var missing = new List<ChunkId>();
        foreach (var part in ids.Chunk(AskAtOnce))
        {
            var there = await target.HasChunksAsync(part, cancel);
            for (var i = 0; i < part.Length; i++)
                if (!there[i]) missing.Add(part[i]);
        }
        var found = await source.InOrderAsync(missing, cancel);
        if (found.Count < missing.Count) await LoseAsync($"{missing.Count - found.Count} chunks are in neither unit, among them {missing.Except(found).First()}");
        foreach (var part in found.Chunk(ReadAtOnce)) await BringAsync(part, cancel);
    }

    private async ValueTask WalkAsync(TreeShape shape, NodeId id, NodeId shared, int level, long from, CancellationToken cancel)
    {
        if (id == default || id == shared) return;
        var span = TreeShape.ChildSpan(level);
        var whole = from + span * StoreFormat.Fanout <= shape.ChunkCount;
        if (whole && !_seen.Add(id)) return;
        if (await NodeAsync(id, level, cancel) is not { } node) return;
        // What is shared is read where it is whole for certain; the source may have dropped the image that it belongs to.
        var other = shared == default ? null : TreeNode.Open(shared, await target.ReadNodeAsync(shared, cancel), level);
        for (var child = 0; child < StoreFormat.Fanout; child++)
        {
            if (!node.Has(child)) continue;
            if (level > 0) await WalkAsync(shape, node.Node(child), other?.Node(child) ?? default, level - 1, from + child * span, cancel);
            else if (other is null || node.Chunk(child) != other.Chunk(child)) _wanted.Add(node.Chunk(child));
        }
        if (_wanted.Count >= Batch) await FinishAsync(cancel);
    }

    /// <summary>A node, which the target has when this returns; null when it is lost.</summary>
    private async ValueTask<TreeNode?> NodeAsync(NodeId id, int level, CancellationToken cancel)
    {
        try
        {
            var bytes = await source.NodeAsync(id, cancel);
            var node = TreeNode.Open(id, bytes, level);
            await target.PutNodeAsync(id, bytes, cancel);
            return node;
        }
        catch (Model.TroubleException e) when (GoOn)
        {
            Lost.Add(e.Trouble.ToString());
            return null;
        }
    }

    private async Task BringAsync(ChunkId[] ids, CancellationToken cancel)
    {
        foreach (var record in await ReadAsync(ids, cancel))
        {
            if (!await ProveAsync(record)) continue;
            await target.PutRecordAsync(record, cancel);
            _sent.Add(record);
            Brought = (Brought.Chunks + 1, Brought.Bytes + record.Bytes.Length);
        }
        progress?.Report(Brought.Bytes);
    }

    /// <summary>The records; where one cannot be read and the rest is to go on, those that can.</summary>
    private async Task<IReadOnlyList<SealedRecord>> ReadAsync(ChunkId[] ids, CancellationToken cancel)
    {
        try
        {
            return await source.Records.RecordsAsync(ids, cancel);
        }
        catch (Model.TroubleException e) when (GoOn)
        {
            if (ids.Length == 1)
            {
                Lost.Add(e.Trouble.ToString());
                return [];
            }
            var records = new List<SealedRecord>();
            foreach (var id in ids) records.AddRange(await ReadAsync([id], cancel));
            return records;
        }
    }

    private async Task<bool> ProveAsync(SealedRecord record)
    {
        if (opener is null) return true;
        try
        {
            opener.OpenAndProve(record, record.Id, _plain.AsSpan(0, record.PlainLength));
            return true;
        }
        catch (Model.TroubleException e)
        {
            await LoseAsync(e.Trouble.ToString(), e);
            return false;
        }
    }

    private Task LoseAsync(string what, Exception? inner = null)
    {
        if (!GoOn) throw new Model.TroubleException($"storage unit {source.Name}", what + ".", "run store verify on it; store repair heals it from another copy", inner: inner);
        Lost.Add(what);
        return Task.CompletedTask;
    }
}
