using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>A session that reads what its scope shows.</summary>
/// <param name="unit">The unit.</param>
/// <param name="scope">What it may see.</param>
/// <param name="index">The domain's index.</param>
/// <param name="strict">See <see cref="UnitCatalog.ListAsync"/>.</param>
internal sealed class ReaderSession(StorageUnit unit, ReaderScope scope, DomainIndex index, bool strict = false) : IImageReader
{
    private readonly RecordReads _reads = new(unit.Volume, index, cancel => unit.FreshIndexAsync(scope.Domain, cancel));

    public UnitParameters Unit => unit.Parameters;

    public async Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel)
    {
        var all = await unit.ListImagesAsync(strict, cancel);
        return [.. all.Images.Where(image => image.Header.Domain == scope.Domain
            && (scope.VmId is not { } vm || image.Header.VmId == vm)
            && (scope.ImageId is not { } id || image.Header.Id == id))];
    }

    public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel) => _reads.NodeAsync(id, cancel);

    public Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) => _reads.RecordsAsync(ids, cancel);

    public ValueTask DisposeAsync() => default;
}
