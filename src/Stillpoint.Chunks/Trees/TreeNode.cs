using System.Security.Cryptography;

namespace Stillpoint.Chunks;

/// <summary>
/// A tree node: for each of 128 children its id, or nothing where all bytes under it are zero. In a leaf the children are chunks, above it
/// nodes. One encoding for one content, so that equal subtrees have equal ids; a node without children does not exist, its place is the
/// absent node, written as an id of 32 zero bytes.
/// </summary>
public sealed class TreeNode
{
    /// <summary>Largest encoded node, bytes.</summary>
    public const int MaxSize = HeaderSize + StoreFormat.Fanout * NodeId.Size;

    internal const int HeaderSize = 20;
    private const int MaxLevel = 8;

    private readonly ReadOnlyMemory<byte> _ids;
    private readonly ChildMap _present;

    private TreeNode(int level, ChildMap present, ReadOnlyMemory<byte> ids) => (Level, _present, _ids) = (level, present, ids);

    /// <summary>0 for a leaf.</summary>
    public int Level { get; }

    /// <summary>Number of children that are there.</summary>
    public int Count => _present.Count;

    /// <summary>True when the child's bytes are not all zero.</summary>
    public bool Has(int child) => _present.Has(child);

    /// <summary>A leaf's child; the default where it is absent.</summary>
    public ChunkId Chunk(int child) => Has(child) ? ChunkId.Read(Bytes(child)) : default;

    /// <summary>An inner node's child; the default where it is absent.</summary>
    public NodeId Node(int child) => Has(child) ? NodeId.Read(Bytes(child)) : default;

    /// <summary>Reads a node and checks it against its id and its place.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="bytes">Its bytes; they are kept, not copied.</param>
    /// <param name="level">The level where it stands.</param>
    /// <exception cref="Model.TroubleException">The bytes are not that node's, or no node's of that level.</exception>
    public static TreeNode Open(NodeId id, ReadOnlyMemory<byte> bytes, int level)
    {
        if (IdOf(bytes.Span) != id) throw Damage.Of($"tree node {id}", "its bytes do not match its id");
        var node = Parse(id, bytes);
        return node.Level == level ? node : throw Damage.Of($"tree node {id}", $"it is of level {node.Level} and stands at level {level}");
    }

    /// <summary>Reads a node and checks it against its id, wherever it stands.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="bytes">Its bytes; they are kept, not copied.</param>
    /// <exception cref="Model.TroubleException">The bytes are not that node's, or no node's.</exception>
    public static TreeNode Open(NodeId id, ReadOnlyMemory<byte> bytes) =>
        IdOf(bytes.Span) == id ? Parse(id, bytes) : throw Damage.Of($"tree node {id}", "its bytes do not match its id");

    /// <summary>Refuses bytes that are no node's; whether they match the id is not looked at.</summary>
    /// <exception cref="Model.TroubleException">They are no node's.</exception>
    public static void Check(NodeId id, ReadOnlyMemory<byte> bytes) => Parse(id, bytes);

    /// <summary>Reads a node whose bytes are known to match its id.</summary>
    internal static TreeNode Parse(NodeId id, ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span;
        if (span.Length is < HeaderSize + NodeId.Size or > MaxSize) throw Damage.Of($"tree node {id}", $"it has {span.Length} bytes");
        if (span[0] != StoreFormat.Version || span[1] > MaxLevel || span[2] != 0 || span[3] != 0) throw Damage.Of($"tree node {id}", "its header is unknown");
        var present = ChildMap.Read(span[4..]);
        var node = new TreeNode(span[1], present, bytes[HeaderSize..]);
        if (span.Length != HeaderSize + node.Count * NodeId.Size) throw Damage.Of($"tree node {id}", "its children do not fill it");
        for (var at = HeaderSize; at < span.Length; at += NodeId.Size)
            if (NodeId.Read(span[at..]) == default) throw Damage.Of($"tree node {id}", "it names an absent child");
        return node;
    }

    /// <summary>The id of a node's bytes.</summary>
    public static NodeId IdOf(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[NodeId.Size];
        SHA256.HashData(bytes, hash);
        return NodeId.Read(hash);
    }

    /// <summary>The bytes of a node.</summary>
    /// <param name="level">0 for a leaf.</param>
    /// <param name="children">128 ids of 32 bytes; all zero where the child is absent. At least one is there.</param>
    internal static byte[] Encode(int level, ReadOnlySpan<byte> children)
    {
        var present = default(ChildMap);
        for (var child = 0; child < StoreFormat.Fanout; child++)
            if (children.Slice(child * NodeId.Size, NodeId.Size).ContainsAnyExcept((byte)0)) present = present.With(child);
        var bytes = new byte[HeaderSize + present.Count * NodeId.Size];
        bytes[0] = StoreFormat.Version;
        bytes[1] = (byte)level;
        present.Write(bytes.AsSpan(4));
        var at = HeaderSize;
        for (var child = 0; child < StoreFormat.Fanout; child++)
        {
            if (!present.Has(child)) continue;
            children.Slice(child * NodeId.Size, NodeId.Size).CopyTo(bytes.AsSpan(at));
            at += NodeId.Size;
        }
        return bytes;
    }

    /// <summary>Writes the children as 128 ids of 32 bytes.</summary>
    internal void CopyChildren(Span<byte> target)
    {
        target.Clear();
        var at = 0;
        for (var child = 0; child < StoreFormat.Fanout; child++)
        {
            if (!Has(child)) continue;
            _ids.Span.Slice(at, NodeId.Size).CopyTo(target[(child * NodeId.Size)..]);
            at += NodeId.Size;
        }
    }

    private ReadOnlySpan<byte> Bytes(int child) => _ids.Span.Slice(_present.Before(child) * NodeId.Size, NodeId.Size);
}
