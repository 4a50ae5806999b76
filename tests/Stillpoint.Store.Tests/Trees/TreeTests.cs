using CsCheck;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Store.Tests;

/// <summary>Trees against the plain thing: an array of ids.</summary>
public sealed class TreeTests
{
    private const int Chunks = 128 * 128 * 2 + 77;

    private static readonly TreeShape s_shape = new((Chunks - 1) * (long)Disks.Chunk + 512, Disks.Chunk);

    private static readonly Gen<(int Chunk, int Value)[]> s_edits =
        Gen.Select(Gen.OneOf(Gen.Int[0, Chunks - 1], Gen.Int[0, 400], Gen.Int[Chunks - 200, Chunks - 1]), Gen.Int[0, 3]).Array[0, 60];

    [Fact]
    public void Edits_read_back_and_only_changed_paths_are_put() => Gen.Select(s_edits, s_edits).Sample((first, second) =>
    {
        var nodes = new NodeBox();
        var plain = new int[Chunks];
        var baseRoot = Apply(nodes, plain, first, default);
        Assert.Equal(plain, Read(nodes, baseRoot));
        var before = (int[])plain.Clone();
        nodes.Puts = 0;
        var root = Apply(nodes, plain, second, baseRoot);
        Assert.Equal(plain, Read(nodes, root));
        Assert.Equal(before, Read(nodes, baseRoot));
        var differing = Enumerable.Range(0, Chunks).Where(i => before[i] != plain[i]).ToList();
        var paths = differing.Select(i => i / 128).Distinct().Count() + differing.Select(i => i / 128 / 128).Distinct().Count() + (differing.Count > 0 ? 1 : 0);
        Assert.True(nodes.Puts <= paths, $"{nodes.Puts} nodes put for {paths} on changed paths");

        var reader = new TreeReader(nodes, s_shape, root);
        Assert.Equal(differing, Collect(reader.DifferenceAsync(baseRoot, default)).Select(c => (int)c.Number));
        foreach (var i in differing.Take(5)) Assert.Equal(Id(plain[i]), reader.FindAsync(i, default).AsTask().Result);
    }, seed: "0000StillP02", iter: 60);

    [Fact]
    public void The_same_content_has_the_same_root_whatever_the_history() => Gen.Select(s_edits, s_edits).Sample((first, second) =>
    {
        var nodes = new NodeBox();
        var plain = new int[Chunks];
        var root = Apply(nodes, plain, second, Apply(nodes, plain, first, default));
        var all = plain.Select((value, chunk) => (chunk, value)).Where(e => e.value != 0).ToArray();
        Assert.Equal(root, Apply(nodes, new int[Chunks], all, default));
        if (all.Length == 0) Assert.Equal(default, root);
    }, seed: "0000StillP03", iter: 40);

    [Fact]
    public void A_range_reads_its_own_leaves_only()
    {
        var nodes = new NodeBox();
        var root = Apply(nodes, new int[Chunks], [.. Enumerable.Range(0, Chunks).Select(i => (i, 1 + (i % 3)))], default);
        nodes.Reads = 0;
        var found = Collect(new TreeReader(nodes, s_shape, root).ChunksAsync(16_380, 16_390, default));
        Assert.Equal(Enumerable.Range(16_380, 10), found.Select(c => (int)c.Number));
        Assert.Equal(5, nodes.Reads);
    }

    [Fact]
    public async Task A_node_is_refused_in_another_place_or_with_other_bytes()
    {
        var nodes = new NodeBox();
        var root = Apply(nodes, new int[Chunks], [(3, 1), (300, 2)], default);
        var bytes = (await nodes.ReadNodeAsync(root, default)).ToArray();
        Assert.Equal(2, TreeNode.Open(root, bytes, 2).Level);
        Assert.Throws<TroubleException>(() => TreeNode.Open(root, bytes, 1));
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<TroubleException>(() => TreeNode.Open(root, bytes, 2));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Bytes_that_are_no_node_are_refused() => Gen.Byte.Array[0, TreeNode.MaxSize + 40].Sample(bytes =>
    {
        try
        {
            TreeNode.Check(TreeNode.IdOf(bytes), bytes);
        }
        catch (TroubleException)
        {
            return;
        }
        Assert.Equal(0, (bytes.Length - TreeNode.HeaderSize) % 32);
    }, seed: "0000StillP04");

    private static NodeId Apply(NodeBox nodes, int[] plain, IEnumerable<(int Chunk, int Value)> edits, NodeId root)
    {
        var editor = new TreeEditor(nodes, s_shape, root);
        foreach (var (chunk, value) in edits.GroupBy(e => e.Chunk).OrderBy(g => g.Key).Select(g => g.Last()))
        {
            plain[chunk] = value;
            editor.SetAsync(chunk, Id(value), default).AsTask().Wait();
        }
        return editor.FinishAsync(default).AsTask().Result;
    }

    private static int[] Read(NodeBox nodes, NodeId root)
    {
        var plain = new int[Chunks];
        foreach (var chunk in Collect(new TreeReader(nodes, s_shape, root).ChunksAsync(default))) plain[chunk.Number] = (int)chunk.Id.D;
        return plain;
    }

    private static List<ChunkAt> Collect(IAsyncEnumerable<ChunkAt> chunks) => chunks.ToListAsync().AsTask().Result;

    private static ChunkId Id(int value) => value == 0 ? default : new ChunkId(7, 7, 7, (ulong)value);

    /// <summary>Nodes in memory; nothing else of a unit is needed here.</summary>
    private sealed class NodeBox : IImageWriter
    {
        private readonly Dictionary<NodeId, ReadOnlyMemory<byte>> _nodes = [];

        public int Puts { get; set; }

        public int Reads { get; set; }

        public UnitParameters Unit { get; } = new(Guid.Empty, 0, Disks.Chunk, 1);

        public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel)
        {
            Reads++;
            return new(_nodes[id]);
        }

        public ValueTask PutNodeAsync(NodeId id, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
        {
            Assert.Equal(TreeNode.IdOf(bytes.Span), id);
            _nodes[id] = bytes;
            Puts++;
            return default;
        }

        public Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel) => throw new NotSupportedException();

        public Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) => throw new NotSupportedException();

        public Task<bool[]> HasChunksAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) => throw new NotSupportedException();

        public ValueTask PutRecordAsync(SealedRecord record, CancellationToken cancel) => throw new NotSupportedException();

        public Task FlushAsync(CancellationToken cancel) => throw new NotSupportedException();

        public Task<ImageReceipt> CommitAsync(ImageHeader header, SealedBlob details, SentTotals sent, CancellationToken cancel) => throw new NotSupportedException();

        public Task PutNoteAsync(Guid imageId, NoteKind kind, SealedBlob payload, CancellationToken cancel) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => default;
    }
}
