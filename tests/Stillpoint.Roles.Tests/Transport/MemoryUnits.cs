using System.Collections.Concurrent;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>A storage unit in memory behind a data endpoint: it checks what the endpoint promises, one thing at a time and in order.</summary>
internal sealed class MemoryUnits(GrantVerifier? grants) : IGrantedUnits
{
    public ConcurrentDictionary<ChunkId, SealedRecord> Records { get; } = new();
    public ConcurrentDictionary<NodeId, byte[]> Nodes { get; } = new();
    public ConcurrentQueue<StoredImage> Images { get; } = new();
    public ConcurrentQueue<ImageNote> Notes { get; } = new();
    public ConcurrentQueue<MemoryWriter> Opened { get; } = new();
    public Func<int, Task> BeforePut { get; set; } = _ => Task.CompletedTask;
    public Action AfterCommit { get; set; } = () => { };

    public GrantVerifier? Grants { get; set; } = grants;

    public Task<IImageReader> OpenAsync(JobGrant grant, CancellationToken cancel)
    {
        if (grant.StorageUnit != "unit-1") throw new TroubleException("media server", $"It has no storage unit '{grant.StorageUnit}'.", "Attach it.");
        var writer = new MemoryWriter(this);
        Opened.Enqueue(writer);
        return Task.FromResult<IImageReader>(grant.Kind == GrantKind.Backup ? writer : new ReadOnly(writer));
    }

    private sealed class ReadOnly(MemoryWriter unit) : IImageReader
    {
        public UnitParameters Unit => unit.Unit;
        public Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel) => unit.ListImagesAsync(cancel);
        public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel) => unit.ReadNodeAsync(id, cancel);
        public Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) => unit.ReadRecordsAsync(ids, cancel);
        public ValueTask DisposeAsync() => unit.DisposeAsync();
    }
}

internal sealed class MemoryWriter(MemoryUnits units) : IImageWriter
{
    private readonly SentCounter _counter = new();
    private int _busy;

    public UnitParameters Unit { get; } = new(new Guid(9, 9, 9, new byte[8]), 0, 64 << 10, 1);

    public List<ChunkId> Order { get; } = [];

    public bool IsDisposed { get; private set; }

    public Task<bool[]> HasChunksAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) =>
        Task.FromResult(ids.Select(units.Records.ContainsKey).ToArray());

    public async ValueTask PutRecordAsync(SealedRecord record, CancellationToken cancel)
    {
        Assert.Equal(1, Interlocked.Increment(ref _busy));
        await units.BeforePut(Order.Count).WaitAsync(cancel);
        units.Records[record.Id] = record with { Bytes = record.Bytes.ToArray(), PackSalt = record.PackSalt.ToArray() };
        Order.Add(record.Id);
        _counter.Add(record);
        Interlocked.Decrement(ref _busy);
    }

    public ValueTask PutNodeAsync(NodeId id, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        units.Nodes[id] = bytes.ToArray();
        return ValueTask.CompletedTask;
    }

    public Task FlushAsync(CancellationToken cancel) => Task.CompletedTask;

    public Task<ImageReceipt> CommitAsync(ImageHeader header, SealedBlob details, SentTotals sent, CancellationToken cancel)
    {
        var counted = _counter.Totals;
        if (counted.Records != sent.Records || counted.RecordBytes != sent.RecordBytes || !counted.Checksum.AsSpan().SequenceEqual(sent.Checksum))
        {
            throw new TroubleException("storage unit", $"It counted {counted.Records} records, the client {sent.Records}.", "Run the job again.");
        }
        units.Images.Enqueue(new StoredImage(header, details, []));
        units.AfterCommit();
        return Task.FromResult(new ImageReceipt(header.Id, counted.RecordBytes));
    }

    public Task PutNoteAsync(Guid imageId, NoteKind kind, SealedBlob payload, CancellationToken cancel)
    {
        units.Notes.Enqueue(new ImageNote(kind, default, payload));
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<StoredImage>>([.. units.Images.Select(i => i with { Notes = [.. units.Notes] })]);

    public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel) => units.Nodes.TryGetValue(id, out var bytes)
        ? new(bytes)
        : throw new TroubleException("storage unit", $"Node {id} is missing.", "Verify the unit.");

    public Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<SealedRecord>>([.. ids.Select(id => units.Records.TryGetValue(id, out var record)
            ? record
            : throw new TroubleException("storage unit", $"Chunk {id} is missing.", "Verify the unit."))]);

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }
}
