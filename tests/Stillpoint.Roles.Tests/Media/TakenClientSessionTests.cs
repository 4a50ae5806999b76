using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Chunks;
using Stillpoint.Media;
using Stillpoint.Model;
using Stillpoint.Roles.Tests.Transport;
using Stillpoint.Storage;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Media;

/// <summary>A client that was taken, with its certificate, a grant that is in force and its domain's key, against a real media server and a real
/// unit: its codec is patched, its frames are its own.</summary>
public sealed class TakenClientSessionTests : IAsyncLifetime
{
    private static readonly Guid s_taken = DataRig.Id(2), s_victim = DataRig.Id(22);
    private readonly TemporaryFolder _folder = new();
    private readonly CertificateAuthority _authority;
    private readonly GrantSigner _signer;
    private readonly RoleIdentity _mediaIdentity;
    private readonly RoleIdentity _client;
    private readonly RoleIdentity _other;
    private readonly DomainKeys _keys = new([.. Enumerable.Repeat((byte)1, DomainKeys.MasterSize)]);
    private readonly DomainKeys _theirs = new([.. Enumerable.Repeat((byte)2, DomainKeys.MasterSize)]);
    private readonly HubRecord _record;
    private HubServer? _primary;
    private MediaRole? _media;

    public TakenClientSessionTests()
    {
        _authority = CertificateAuthority.LoadOrCreate(_folder.File("ca"), TimeProvider.System);
        _signer = GrantSigner.LoadOrCreate(_folder.File("grant.key"));
        _mediaIdentity = RoleIdentity.Issue(_authority, "media-1", PeerRoles.Media, TimeProvider.System);
        _client = RoleIdentity.Issue(_authority, "taken", PeerRoles.Client, TimeProvider.System);
        _other = RoleIdentity.Issue(_authority, "honest", PeerRoles.Client, TimeProvider.System);
        _record = new HubRecord { GrantKey = _signer.PublicKey };
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _primary = await HubServer.StartAsync(_authority, _record);
        _media = await MediaRole.StartAsync(
            new MediaSettings(_folder.File("media"), _primary.Address, new IPEndPoint(IPAddress.Loopback, 0)), _mediaIdentity,
            new MediaEnvironment(TimeProvider.System, Guid.NewGuid, new Random(5), NullLogger.Instance), Cancel);
        while (!_media.IsConnected) await Task.Delay(10, Cancel);
        await RoleProxies.Media(_primary.Hub.Clients.Client(_record.Hellos.Last().Connection), "media-1", Cancel)
            .AttachUnit("unit-1", _folder.File("unit"), 64 << 10, 1);
    }

    public async ValueTask DisposeAsync()
    {
        if (_media is not null) await _media.DisposeAsync();
        if (_primary is not null) await _primary.DisposeAsync();
        _keys.Dispose();
        _theirs.Dispose();
        _client.Dispose();
        _other.Dispose();
        _mediaIdentity.Dispose();
        _signer.Dispose();
        _authority.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Garbage_under_a_known_id_touches_no_other_domain_and_is_found_and_its_sender_named()
    {
        var disk = MemoryDisk.Random(300_000, 1);
        await BackUpAsync(_other, disk, _theirs, s_victim, image: 7);
        await BackUpAsync(_client, MemoryDisk.Random(100_000, 2), _keys, s_taken, image: 3, also: async writer =>
        {
            // Content of zeros under the ids that the same disk's chunks have, in both domains.
            using var random = RandomNumberGenerator.Create();
            using var patched = new PackSealer(_keys, random, 1);
            var sent = new List<SealedRecord>();
            foreach (var id in (ChunkId[])[_keys.IdOf(disk.Bytes.AsSpan(0, 64 << 10)), _theirs.IdOf(disk.Bytes.AsSpan(0, 64 << 10))])
            {
                sent.Add(patched.Seal(id, new byte[64 << 10]));
                await writer.PutRecordAsync(sent[^1], Cancel);
            }
            return sent;
        });
        await using var unit = await OpenUnitAsync();
        Assert.Empty((await UnitVerify.RunAsync(unit, _theirs, null, Cancel)).Damage);
        Assert.Equal(disk.Bytes, await RestoreAsync(_other, _theirs, s_victim, 7, disk.Bytes.Length));
        var damage = (await UnitVerify.RunAsync(unit, _keys, null, Cancel)).Damage;
        Assert.Equal(2, damage.Count(d => d.Contains("does not match its id", StringComparison.Ordinal)));
        foreach (var who in new[] { DataRig.Id(3), DataRig.Id(103), s_taken })
            Assert.All(damage.Where(d => d.Contains("does not match", StringComparison.Ordinal)), d => Assert.Contains($"{who:D}", d, StringComparison.Ordinal));

        // Quarantined: an honest host of the same domain sends the chunk again, and gets its own bytes back.
        await BackUpAsync(_other, disk, _keys, s_victim, image: 8);
        Assert.Equal(disk.Bytes, await RestoreAsync(_other, _keys, s_victim, 8, disk.Bytes.Length));
    }

    [Fact]
    public async Task What_others_have_is_neither_seen_nor_read_nor_changed()
    {
        var disk = MemoryDisk.Random(300_000, 1);
        await BackUpAsync(_other, disk, _theirs, s_victim, image: 7);
        await BackUpAsync(_other, disk, _keys, s_victim, image: 8);
        var before = Objects();
        await using (var unit = await OpenUnitAsync())
        await using (var session = await OpenAsync(_client, Grant(GrantKind.Backup, _client, _keys, s_taken, 3)))
        {
            var images = (await unit.ListImagesAsync(Cancel)).Images;
            var foreign = images.Single(i => i.Header.Domain == _theirs.Domain);
            Assert.Empty(await session.ListImagesAsync(Cancel));
            var known = new[] { _theirs.IdOf(disk.Bytes.AsSpan(0, 64 << 10)) };
            Assert.False(Assert.Single(await session.HasChunksAsync(known, Cancel)));
            await RefusedAsync(() => session.ReadRecordsAsync(known, Cancel));
            await RefusedAsync(() => session.ReadNodeAsync(foreign.Header.Streams[0].Root, Cancel).AsTask());
            foreach (var kind in Enum.GetValues<NoteKind>())
                foreach (var image in images) await RefusedAsync(() => session.PutNoteAsync(image.Header.Id, kind, SealedBlob.Open("mine"), Cancel));
        }
        // Reading another VM's image takes a grant for it, made out to this client.
        await using (var reader = await OpenAsync(_client, Grant(GrantKind.Restore, _client, _keys, s_taken, 8))) Assert.Empty(await reader.ListImagesAsync(Cancel));
        await RefusedAsync(() => OpenAsync(_client, Grant(GrantKind.Restore, _other, _keys, s_victim, 8)));
        var forged = _signer.Sign(Grant(GrantKind.Restore, _client, _keys, s_taken, 8));
        s_victim.TryWriteBytes(forged.AsSpan(18), bigEndian: true, out _);
        await RefusedAsync(() => DataClient.OpenAsync(
            new DataAccess(_media!.EndPoint.ToString(), "unit-1", forged, new byte[32]), _client, new DataClientOptions(), TimeProvider.System, new Random(3), Cancel));
        var after = Objects();
        foreach (var (name, bytes) in before) Assert.Equal(bytes, after[name]);
    }

    [Fact]
    public async Task A_thousand_bogus_commits_make_one_image_at_most_and_retention_keeps_what_is_good()
    {
        await BackUpAsync(_other, MemoryDisk.Random(200_000, 1), _keys, s_victim, image: 7);
        await BackUpAsync(_client, MemoryDisk.Random(200_000, 2), _keys, s_taken, image: 2);
        var grant = Grant(GrantKind.Backup, _client, _keys, s_taken, 3);
        var random = new Random(9);
        var committed = 0;
        await using (var session = await OpenAsync(_client, grant))
        {
            for (var i = 0; i < 1000; i++)
            {
                var header = new ImageHeader(
                    random.Next(3) == 0 ? DataRig.Id(7) : random.Next(2) == 0 ? grant.ImageId : Guid.NewGuid(), _keys.Domain,
                    random.Next(2) == 0 ? grant.VmId : s_victim, random.Next(2) == 0 ? grant.JobId : Guid.NewGuid(),
                    TimeProvider.System.GetUtcNow().AddDays(random.Next(-4000, 4000)), ImageType.Full, Consistency.Application, null, []);
                try
                {
                    await session.CommitAsync(header, SealedBlob.Open("nothing that opens"), new SentCounter().Totals, Cancel);
                    committed++;
                }
                catch (TroubleException)
                {
                    // Right: it is not what the grant names, or it was committed already.
                }
            }
        }
        Assert.InRange(committed, 0, 1);
        await using var unit = await OpenUnitAsync();
        var plan = await Pruner.PlanAsync(unit, new RetentionPolicy(Last: 1), s_victim, _keys, Cancel);
        Assert.Equal(DataRig.Id(7), Assert.Single(plan.Images, i => i.Stays).Id);
        Assert.Empty(plan.Going);
        // Of its own VM it can put one bad image a grant beside the good one, no more.
        Assert.InRange((await unit.ListImagesAsync(Cancel)).Images.Count(i => i.Header.VmId == s_taken), 1, 2);
    }

    [Fact]
    public void No_frame_deletes_or_replaces()
    {
        FrameKind[] known =
        [
            FrameKind.PutRecord, FrameKind.PutNode, FrameKind.HasChunks, FrameKind.Flush, FrameKind.Commit, FrameKind.PutNote, FrameKind.ListImages,
            FrameKind.ReadNode, FrameKind.ReadRecords, FrameKind.End,
        ];
        Assert.Equal(known, Enum.GetValues<FrameKind>().Where(WireFormat.IsNumbered));
    }

    private async Task BackUpAsync(
        RoleIdentity identity, MemoryDisk disk, DomainKeys keys, Guid vm, int image, Func<IImageWriter, Task<List<SealedRecord>>>? also = null)
    {
        var grant = Grant(GrantKind.Backup, identity, keys, vm, image);
        await using var writer = await OpenAsync(identity, grant);
        using var random = RandomNumberGenerator.Create();
        using var counted = new CountedSession(writer, keys, random);
        var stream = await DiskUpload.RunAsync(counted.Session, DiskWork.Full(disk), null, Cancel);
        var totals = counted.Session.Totals;
        if (also is not null)
        {
            // The media server counts what came, by whatever code it was sent.
            var all = new SentCounter();
            foreach (var record in counted.Sent.Concat(await also(writer))) all.Add(record);
            totals = all.Totals;
        }
        await writer.FlushAsync(Cancel);
        var header = new ImageHeader(grant.ImageId, keys.Domain, vm, grant.JobId, TimeProvider.System.GetUtcNow(), ImageType.Full, Consistency.Application, null, [stream]);
        var details = new ImageDetails("web-1", BackupMethod.Wmi, "HOST", null, null, [new DiskDetails("disk.vhdx", null, null, null, [], 512, disk.Data, null)], []);
        await writer.CommitAsync(header, ImageDetailsCodec.Seal(keys, header, details, random), totals, Cancel);
    }

    private async Task<byte[]> RestoreAsync(RoleIdentity identity, DomainKeys keys, Guid vm, int image, int length)
    {
        await using var reader = await OpenAsync(identity, Grant(GrantKind.Restore, identity, keys, vm, image));
        using var opener = new RecordOpener(keys);
        var restored = new MemoryDisk(new byte[length]);
        await DiskDownload.RunAsync(reader, opener, Assert.Single(await reader.ListImagesAsync(Cancel)).Header.Streams[0], restored, null, Cancel);
        return restored.Bytes;
    }

    private JobGrant Grant(GrantKind kind, RoleIdentity holder, DomainKeys keys, Guid vm, int image) =>
        new(kind, DataRig.Id(100 + image), holder == _client ? "taken" : "honest", vm, DataRig.Id(image), keys.Domain, "unit-1", TimeProvider.System.GetUtcNow().AddHours(1));

    private Task<DataClient> OpenAsync(RoleIdentity identity, JobGrant grant) => DataClient.OpenAsync(
        new DataAccess(_media!.EndPoint.ToString(), "unit-1", _signer.Sign(grant), new byte[32]), identity, new DataClientOptions(), TimeProvider.System,
        new Random(3), Cancel);

    private Task<StorageUnit> OpenUnitAsync() => StorageUnit.OpenInAsync(_folder.File("unit"), new UnitEnvironment(TimeProvider.System, Guid.NewGuid), Cancel);

    /// <summary>All that a unit holds but leases, which their sessions renew.</summary>
    private Dictionary<string, byte[]> Objects() => Directory.EnumerateFiles(_folder.File("unit"), "*", SearchOption.AllDirectories)
        .Where(f => !f.Contains("/leases/", StringComparison.Ordinal) && !f.Contains("/parts/", StringComparison.Ordinal))
        .ToDictionary(f => f, File.ReadAllBytes);

    private static async Task RefusedAsync(Func<Task> call) => await Assert.ThrowsAsync<TroubleException>(call);

    /// <summary>An upload whose records are noted on their way.</summary>
    private sealed class CountedSession : IDisposable
    {
        public CountedSession(IImageWriter writer, DomainKeys keys, RandomNumberGenerator random)
        {
            var noting = new NotingWriter(writer);
            Session = new UploadSession(noting, keys, random);
            Sent = noting.Sent;
        }

        public UploadSession Session { get; }

        public List<SealedRecord> Sent { get; }

        public void Dispose() => Session.Dispose();
    }

    private sealed class NotingWriter(IImageWriter inner) : IImageWriter
    {
        public List<SealedRecord> Sent { get; } = [];

        public UnitParameters Unit => inner.Unit;

        public Task<bool[]> HasChunksAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) => inner.HasChunksAsync(ids, cancel);

        public ValueTask PutRecordAsync(SealedRecord record, CancellationToken cancel)
        {
            Sent.Add(record);
            return inner.PutRecordAsync(record, cancel);
        }

        public ValueTask PutNodeAsync(NodeId id, ReadOnlyMemory<byte> bytes, CancellationToken cancel) => inner.PutNodeAsync(id, bytes, cancel);

        public Task FlushAsync(CancellationToken cancel) => inner.FlushAsync(cancel);

        public Task<ImageReceipt> CommitAsync(ImageHeader header, SealedBlob details, SentTotals sent, CancellationToken cancel) =>
            inner.CommitAsync(header, details, sent, cancel);

        public Task PutNoteAsync(Guid imageId, NoteKind kind, SealedBlob payload, CancellationToken cancel) => inner.PutNoteAsync(imageId, kind, payload, cancel);

        public Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel) => inner.ListImagesAsync(cancel);

        public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel) => inner.ReadNodeAsync(id, cancel);

        public Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) => inner.ReadRecordsAsync(ids, cancel);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
