using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>A session that reads what its scope shows.</summary>
internal sealed class ReaderSession(StorageUnit unit, ReaderScope scope, DomainIndex index) : IImageReader
{
    private readonly RecordReads _reads = new(unit.Volume, index, cancel => index.RefreshAsync(unit.Volume, unit.Parameters.UnitId, cancel));

    public UnitParameters Unit => unit.Parameters;

    public async Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel)
    {
        var all = await unit.ListImagesAsync(cancel);
        return [.. all.Images.Where(image => image.Header.Domain == scope.Domain
            && (scope.VmId is not { } vm || image.Header.VmId == vm)
            && (scope.ImageId is not { } id || image.Header.Id == id))];
    }

    public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel) => _reads.NodeAsync(id, cancel);

    public Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) => _reads.RecordsAsync(ids, cancel);

    public ValueTask DisposeAsync() => default;
}
