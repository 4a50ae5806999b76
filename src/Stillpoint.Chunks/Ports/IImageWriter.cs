namespace Stillpoint.Chunks;

/// <summary>
/// One backup's session with a storage unit. Order of a commit: records and nodes are put, <see cref="FlushAsync"/> makes them durable,
/// <see cref="CommitAsync"/> checks every reference and makes the image exist in one atomic step. A session that ends without a commit
/// leaves nothing that any image can see; what it stored may serve a later session. Puts, flush and commit come one at a time;
/// <see cref="HasChunksAsync"/> and reads may run beside them. What was put can be read back after a flush, and is found by
/// <see cref="HasChunksAsync"/> as soon as its put has returned. The bytes of a record or node are handed over: nobody writes to them again.
/// </summary>
public interface IImageWriter : IImageReader
{
    /// <summary>For each id, whether the unit holds that chunk within the session's key domain.</summary>
    Task<bool[]> HasChunksAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel);

    /// <summary>Hands over a record. Returns when the unit has taken it over, which is not yet durable; waits when the unit is behind.</summary>
    ValueTask PutRecordAsync(SealedRecord record, CancellationToken cancel);

    /// <summary>Hands over a tree node; putting one that is there already costs nothing.</summary>
    ValueTask PutNodeAsync(NodeId id, ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>Returns when all that was put is on stable storage.</summary>
    Task FlushAsync(CancellationToken cancel);

    /// <summary>Commits the image. <paramref name="sent"/> is what this side believes it put; the unit refuses when it counted otherwise.
    /// Returns when the image would survive a power cut.</summary>
    Task<ImageReceipt> CommitAsync(ImageHeader header, SealedBlob details, SentTotals sent, CancellationToken cancel);

    /// <summary>Adds a write-once note to an image that this session committed or may annotate.</summary>
    Task PutNoteAsync(Guid imageId, NoteKind kind, SealedBlob payload, CancellationToken cancel);
}

/// <summary>What was put in a session: a check against lost or repeated frames.</summary>
/// <param name="Records">Number of records.</param>
/// <param name="RecordBytes">Sum of their sealed sizes.</param>
/// <param name="Checksum">XxHash128 over the chunk ids in the order they were put, 16 bytes.</param>
public sealed record SentTotals(long Records, long RecordBytes, byte[] Checksum);

/// <summary>What a commit says.</summary>
/// <param name="ImageId">The image.</param>
/// <param name="StoredBytes">What the unit grew by in this session, nodes included.</param>
public sealed record ImageReceipt(Guid ImageId, long StoredBytes);
