namespace Stillpoint.Chunks;

/// <summary>
/// Makes a tree from a base and the chunks that differ, which must come in ascending order. It reads the base's nodes along those paths
/// only and puts the nodes that became different; all else is shared. One path of nodes is held, whatever the size of the disk.
/// </summary>
public sealed class TreeEditor
{
    private readonly IImageWriter _writer;
    private readonly TreeShape _shape;
    private readonly NodeReadAhead _base;
    private readonly Frame[] _frames;
    private NodeId _root;
    private long _last = -1;

    /// <param name="writer">Where nodes are read and put.</param>
    /// <param name="shape">The stream's shape; the base has the same.</param>
    /// <param name="baseRoot">Root of the base; the default for one of zeros.</param>
    public TreeEditor(IImageWriter writer, TreeShape shape, NodeId baseRoot)
        : this(writer, shape, baseRoot, new NodeReadAhead(writer, shape, baseRoot))
    {
    }

    internal TreeEditor(IImageWriter writer, TreeShape shape, NodeId baseRoot, NodeReadAhead readAhead)
    {
        _base = readAhead;
        _writer = writer;
        _shape = shape;
        _root = baseRoot;
        _frames = new Frame[shape.RootLevel + 1];
        for (var level = 0; level < _frames.Length; level++) _frames[level] = new Frame();
    }

    /// <summary>Number of nodes put, and the sum of their sizes.</summary>
    public (long Count, long Bytes) Put { get; private set; }

    /// <summary>Gives chunk <paramref name="chunk"/> its id; the default means that it is all zeros.</summary>
    public async ValueTask SetAsync(long chunk, ChunkId id, CancellationToken cancel)
    {
        if (chunk <= _last || chunk >= _shape.ChunkCount) throw new ArgumentOutOfRangeException(nameof(chunk), chunk, "chunks must come in order");
        _last = chunk;
        var leaf = _frames[0];
        if (!leaf.Open || leaf.Number != chunk / StoreFormat.Fanout)
        {
            await CloseAsync(chunk, cancel);
            await DescendAsync(chunk, cancel);
        }
        leaf.Set((int)(chunk % StoreFormat.Fanout), id);
    }

    /// <summary>Puts what is left and returns the root; the default when the whole stream is zero.</summary>
    public async ValueTask<NodeId> FinishAsync(CancellationToken cancel)
    {
        await CloseAsync(-1, cancel);
        return _root;
    }

    /// <summary>Closes the frames, leaves first, that do not lead to <paramref name="next"/>; all of them for -1.</summary>
    private async ValueTask CloseAsync(long next, CancellationToken cancel)
    {
        for (var level = 0; level < _frames.Length; level++)
        {
            var frame = _frames[level];
            if (!frame.Open) continue;
            if (next >= 0 && frame.Number == next / TreeShape.ChildSpan(level + 1)) return;
            frame.Open = false;
            if (!frame.Changed) continue;
            var id = await PutAsync(frame, level, cancel);
            if (level == _frames.Length - 1) _root = id;
            else _frames[level + 1].Set((int)(frame.Number % StoreFormat.Fanout), id);
        }
    }

    private async ValueTask DescendAsync(long chunk, CancellationToken cancel)
    {
        for (var level = _frames.Length - 1; level >= 0; level--)
        {
            var frame = _frames[level];
            if (frame.Open) continue;
            var id = level == _frames.Length - 1 ? _root : _frames[level + 1].Node((int)(chunk / TreeShape.ChildSpan(level + 1) % StoreFormat.Fanout));
            frame.Start(chunk / TreeShape.ChildSpan(level + 1), id);
            if (id != default) TreeNode.Open(id, await _base.ReadAsync(id, cancel), level).CopyChildren(frame.Children);
        }
    }

    private async ValueTask<NodeId> PutAsync(Frame frame, int level, CancellationToken cancel)
    {
        if (!frame.Children.AsSpan().ContainsAnyExcept((byte)0)) return default;
        var bytes = TreeNode.Encode(level, frame.Children);
        var id = TreeNode.IdOf(bytes);
        if (id == frame.Original) return id;
        await _writer.PutNodeAsync(id, bytes, cancel);
        Put = (Put.Count + 1, Put.Bytes + bytes.Length);
        return id;
    }

    /// <summary>A node that is being edited.</summary>
    private sealed class Frame
    {
        public byte[] Children { get; } = new byte[StoreFormat.Fanout * NodeId.Size];

        public bool Open { get; set; }

        public bool Changed { get; private set; }

        public long Number { get; private set; }

        public NodeId Original { get; private set; }

        public void Start(long number, NodeId original)
        {
            (Open, Changed, Number, Original) = (true, false, number, original);
            if (original == default) Children.AsSpan().Clear();
        }

        public NodeId Node(int child) => NodeId.Read(Children.AsSpan(child * NodeId.Size));

        public void Set(int child, ChunkId id)
        {
            var place = Children.AsSpan(child * ChunkId.Size, ChunkId.Size);
            if (ChunkId.Read(place) == id) return;
            id.Write(place);
            Changed = true;
        }

        public void Set(int child, NodeId id) => Set(child, new ChunkId(id.A, id.B, id.C, id.D));
    }
}
