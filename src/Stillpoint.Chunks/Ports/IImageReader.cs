namespace Stillpoint.Chunks;

/// <summary>What a client may read of a storage unit. Offline it is the unit itself, through the roles it is a session with a media server,
/// which shows only what the job grant names: the images of one VM, or one image.</summary>
public interface IImageReader : IAsyncDisposable
{
    /// <summary>The unit's parameters.</summary>
    UnitParameters Unit { get; }

    /// <summary>Committed images within the reach of this session, newest first, with their notes.</summary>
    Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel);

    /// <summary>The bytes of a tree node, checked against its id.</summary>
    /// <exception cref="Model.TroubleException">The node is missing or damaged.</exception>
    ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel);

    /// <summary>The records of <paramref name="ids"/>, in their order; still sealed.</summary>
    /// <exception cref="Model.TroubleException">A record is missing or its stored checksum does not match.</exception>
    Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel);
}
