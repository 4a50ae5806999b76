namespace Stillpoint.Chunks;

/// <summary>Where the chunks of a stream lie in its tree: a stream of <paramref name="Length"/> bytes, cut into chunks of
/// <paramref name="ChunkSize"/> bytes of which the last may be shorter, 128 to a leaf, 128 children to an inner node. Level 0 is the leaves.</summary>
public readonly record struct TreeShape(long Length, int ChunkSize)
{
    /// <summary>Number of chunks; also the first number that is none.</summary>
    public long ChunkCount => Length / ChunkSize + (Length % ChunkSize == 0 ? 0 : 1);

    /// <summary>Level of the root: 0 when one leaf is enough.</summary>
    public int RootLevel
    {
        get
        {
            var level = 0;
            for (var span = (long)StoreFormat.Fanout; span < ChunkCount; span *= StoreFormat.Fanout) level++;
            return level;
        }
    }

    /// <summary>Plain bytes of chunk <paramref name="chunk"/>.</summary>
    public int LengthOf(long chunk) => (int)Math.Min(ChunkSize, Length - chunk * ChunkSize);

    /// <summary>Chunks under one child of a node at <paramref name="level"/>: 1, 128, 16384, …</summary>
    public static long ChildSpan(int level)
    {
        var span = 1L;
        for (var i = 0; i < level; i++) span *= StoreFormat.Fanout;
        return span;
    }

    /// <summary>The shape, unless its numbers are beyond the format's limits.</summary>
    /// <exception cref="Model.TroubleException">They are.</exception>
    public static TreeShape Checked(long length, int chunkSize) =>
        length is >= 0 and <= StoreFormat.MaxStreamLength && StoreFormat.IsChunkSize(chunkSize)
            ? new TreeShape(length, chunkSize)
            : throw Damage.Of("a stream of an image", $"it claims {length} bytes in chunks of {chunkSize}");
}
