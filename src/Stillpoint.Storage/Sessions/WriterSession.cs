using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>A session that stores one image. Calls come one at a time, but <see cref="HasChunksAsync"/> and reads may run beside a put.</summary>
internal sealed class WriterSession : IImageWriter
{
    private readonly StorageUnit _unit;
    private readonly WriterScope _scope;
    private readonly DomainIndex _index;
    private readonly ReaderSession _reader;
    private readonly OpenPacks _packs;
    private readonly Guid _id;
    private readonly SessionLease _lease;
    private readonly SentCounter _counter = new();
    private Guid? _committed;
    private bool _failed;

    private WriterSession(StorageUnit unit, WriterScope scope, DomainIndex index, SessionLease lease, Guid id)
    {
        _unit = unit;
        _scope = scope;
        _index = index;
        _lease = lease;
        _id = id;
        _reader = new ReaderSession(unit, new ReaderScope(scope.Domain, scope.VmId), index, strict: true);
        _packs = new OpenPacks(unit.Volume, unit.Parameters.UnitId, id, index, unit.Environment.NewId);
    }

    public UnitParameters Unit => _unit.Parameters;

    public static async Task<WriterSession> OpenAsync(StorageUnit unit, WriterScope scope, CancellationToken cancel)
    {
        var id = unit.Environment.NewId();
        var writer = ObjectFrame.Begin(ObjectFrame.SessionMagic);
        writer.Id(id);
        writer.Id(scope.Domain);
        writer.I64(unit.Environment.Time.GetUtcNow().UtcTicks);
        // 1. The session shows, so that a collect round which is written from now on waits for it.
        if (!await unit.Volume.PutIfAbsentAsync(UnitNames.Session(id), ObjectFrame.End(writer), cancel))
            throw UnitTrouble.Refused(unit.Name, $"session {id:N} exists already.", "run the backup again");
        SessionLease? lease = null;
        try
        {
            lease = await SessionLease.StartAsync(unit, id, cancel);
            // 2. Only then it looks which packs earlier rounds condemned: what lies in those counts as absent.
            return new WriterSession(unit, scope, await unit.FreshIndexAsync(scope.Domain, cancel), lease, id);
        }
        catch
        {
            await AbandonAsync(unit, id);
            if (lease is not null) await lease.DisposeAsync();
            throw;
        }
    }

    public Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel) => _reader.ListImagesAsync(cancel);

    public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel) => _reader.ReadNodeAsync(id, cancel);

    public Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) =>
        _reader.ReadRecordsAsync(ids, cancel);

    public async Task<bool[]> HasChunksAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var found = new bool[ids.Count];
        // The open packs first: what leaves them is in the index by then.
        for (var i = 0; i < found.Length; i++) found[i] = _packs.Holds(ids[i]);
        await _index.FindAsync(_unit.Volume, Unit.UnitId, ids, found, cancel);
        return found;
    }

    public async ValueTask PutRecordAsync(SealedRecord record, CancellationToken cancel)
    {
        Usable();
        var limit = record.PlainLength + StoreFormat.TagSize;
        if (record.PlainLength < 1 || record.PlainLength > Unit.ChunkSize || record.PackSalt.Length != StoreFormat.SaltSize
            || record.Bytes.Length <= StoreFormat.TagSize || record.Bytes.Length > limit || (!record.Compressed && record.Bytes.Length != limit))
            throw UnitTrouble.Refused(_unit.Name, $"chunk {record.Id} came with impossible lengths.", "update the client: it does not keep to the format");
        CheckEpoch(record.Epoch, $"chunk {record.Id}");
        _counter.Add(record);
        var there = new[] { _packs.Holds(record.Id) };
        _index.Find([record.Id], there);
        if (!there[0]) await GuardAsync(() => _packs.PutAsync(record, cancel).AsTask());
    }

    private void CheckEpoch(ushort epoch, string what)
    {
        if (_scope.Epoch is { } granted && epoch != granted)
            throw UnitTrouble.Refused(_unit.Name, $"{what} came sealed under epoch {epoch}, where the job was granted epoch {granted}.", "update the client; then run the backup again");
    }

    public async ValueTask PutNodeAsync(NodeId id, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        Usable();
        if (_packs.Holds(id) || _index.Holds(id)) return;
        if (TreeNode.IdOf(bytes.Span) != id) throw Damage.Of($"tree node {id}", "it came with bytes that do not match its id");
        TreeNode.Check(id, bytes);
        await GuardAsync(() => _packs.PutAsync(id, bytes, cancel).AsTask());
    }

    public Task FlushAsync(CancellationToken cancel)
    {
        Usable();
        cancel.ThrowIfCancellationRequested();
        return GuardAsync(() => _packs.FlushAsync(cancel));
    }

    public async Task<ImageReceipt> CommitAsync(ImageHeader header, SealedBlob details, SentTotals sent, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(header);
        ArgumentNullException.ThrowIfNull(sent);
        ArgumentNullException.ThrowIfNull(details);
        CheckEpoch(details.Epoch, $"image {header.Id:D}");
        // 1. All that the image refers to is durable.
        await FlushAsync(cancel);
        // 2. It is what this session may commit, and all of it came.
        CheckScope(header);
        CheckTotals(sent);
        // 3. Every node and chunk that it names is there: in this unit, in packs that exist now and not only in the index.
        await CheckUnitAsync(cancel);
        await new CommitCheck(_unit, _reader, _index).RunAsync(await WithBaseAsync(header, cancel), cancel);
        // 4. The object, which nobody sees yet.
        var image = new ImageObject(_id, header, details, _packs.Completed).Encode();
        await GuardAsync(async () =>
        {
            if (!await _unit.Volume.PutIfAbsentAsync(UnitNames.Image(header.Id, _id), image, cancel))
                throw UnitTrouble.Refused(_unit.Name, $"session {_id:N} has put image {header.Id:N} before.", "run the backup again");
            await Rivals.FenceAsync(_unit, header.Id, _id, cancel);
        });
        // 5. The one step that makes it exist.
        var end = new SessionEnd(_id, EndState.Committed, header.Id, SHA256.HashData(image), _unit.Environment.Time.GetUtcNow());
        await GuardAsync(async () =>
        {
            if (!await _unit.Volume.PutIfAbsentAsync(UnitNames.End(_id), end.Encode(), CancellationToken.None))
                throw UnitTrouble.Fenced(_unit.Name, _id);
        });
        Kill.Reach(KillPoint.CommitPut);
        _committed = header.Id;
        return new ImageReceipt(header.Id, _packs.StoredBytes + image.Length);
    }

    public async Task PutNoteAsync(Guid imageId, NoteKind kind, SealedBlob payload, CancellationToken cancel)
    {
        if (_committed != imageId && !(await ListImagesAsync(cancel)).Any(image => image.Header.Id == imageId))
            throw UnitTrouble.Refused(_unit.Name, $"image {imageId:N} is not one that this session may annotate.", "annotate an image of the session's own VM");
        await GuardAsync(() => Notes.PutAsync(_unit, imageId, kind, payload, cancel));
    }

    public async ValueTask DisposeAsync()
    {
        await _packs.StopAsync();
        // Lease and packs at once, so that a server which does not answer is waited for once; both before the end, which on a full disk needs
        // the room that the packs held.
        var lease = _lease.DisposeAsync();
        await _packs.DisposeAsync();
        if (_committed is null) await AbandonAsync(_unit, _id);
        await lease;
    }

    /// <summary>A courtesy to a collector, which then need not wait for the session; without it the session is merely over.</summary>
    private static async Task AbandonAsync(StorageUnit unit, Guid id)
    {
        using var limit = unit.Environment.NewParting();
        try
        {
            var end = SessionEnd.Without(id, EndState.Abandoned, unit.Environment.Time.GetUtcNow());
            await unit.Volume.PutIfAbsentAsync(UnitNames.End(id), end.Encode(), limit.Token);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            // What made the session fail may be the same that fails here; the caller knows already.
        }
    }

    /// <summary>For the check alone: a copy whose base is not here shares nothing with it.</summary>
    private async Task<ImageHeader> WithBaseAsync(ImageHeader header, CancellationToken cancel) =>
        _scope.Copy && header.BaseImageId is { } id && (await ListImagesAsync(cancel)).All(image => image.Header.Id != id)
            ? header with { BaseImageId = null }
            : header;

    private async Task CheckUnitAsync(CancellationToken cancel)
    {
        await _unit.CheckPresentAsync(cancel);
        try
        {
            if (!await _index.RefreshAsync(_unit.Volume, Unit.UnitId, cancel)) throw UnitTrouble.LostPacks(_unit.Name);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(_unit.Name, e);
        }
    }

    private void CheckScope(ImageHeader header)
    {
        if (_committed is not null) throw UnitTrouble.Refused(_unit.Name, "the session has committed its image.", "open another session");
        if (header.Domain != _scope.Domain || (_scope.VmId is { } vm && header.VmId != vm) || (_scope.ImageId is { } id && header.Id != id)
            || (_scope.JobId is { } job && header.JobId != job))
            throw UnitTrouble.Refused(_unit.Name, "the image names another domain, VM, job or id than the session was opened for.", "run the job again");
    }

    private void CheckTotals(SentTotals sent)
    {
        var counted = _counter.Totals;
        if (counted.Records == sent.Records && counted.RecordBytes == sent.RecordBytes && counted.Checksum.AsSpan().SequenceEqual(sent.Checksum)) return;
        throw UnitTrouble.Refused(
            _unit.Name, $"the client sent {sent.Records} records of {sent.RecordBytes} bytes, but {counted.Records} of {counted.RecordBytes} came.",
            "run the backup again");
    }

    private void Usable()
    {
        if (_failed) throw UnitTrouble.Refused(_unit.Name, "an earlier write of this session failed.", "run the backup again");
        if (_lease.Lost) throw UnitTrouble.Fenced(_unit.Name, _id);
    }

    /// <summary>Turns what the volume throws into a trouble, after which the session takes no more.</summary>
    private async Task GuardAsync(Func<Task> write)
    {
        try
        {
            await write();
        }
        catch (IOException e)
        {
            _failed = true;
            await _unit.CheckPresentAsync(CancellationToken.None);
            throw UnitTrouble.Io(_unit.Name, e);
        }
        catch (TroubleException)
        {
            _failed = true;
            throw;
        }
    }
}
