using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>What a client that was taken, with its identity, its grants and its domain's key, can do to others: nothing beyond its domain, and
/// within it nothing that a verify does not find and name.</summary>
public sealed class TakenClientTests
{
    private static readonly byte[] s_known = Disks.Make(4 * Disks.Chunk, seed: 1, share: 1);

    [Fact]
    public async Task Garbage_under_a_known_id_stays_in_its_domain_and_is_found_named_and_healed()
    {
        await using var unit = await TestUnit.MakeAsync();
        using var others = new DomainKeys(Enumerable.Repeat((byte)9, 32).ToArray());
        var theirs = await BackupAsync(unit, others, s_known, new Guid("99999999-0000-0000-0000-000000000000"));
        var (vm, job) = (unit.NewId(), unit.NewId());
        var poison = await PoisonAsync(unit, vm, job);

        // Another domain never meets it: its chunk of the same content has another id, lies elsewhere, and restores.
        var report = await UnitVerify.RunAsync(unit.Unit, others, null, default);
        Assert.Empty(report.Damage);
        Assert.Equal(s_known, await RestoreAsync(unit, others, theirs));

        // In its own the honest backup that meets it is hurt, until a verify with the key finds it and says who brought it.
        var honest = await unit.BackupAsync(s_known);
        Assert.Empty((await UnitVerify.RunAsync(unit.Unit, null, null, default)).Damage);
        report = await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default);
        Assert.False(report.Images.Single(i => i.Id == honest.Header.Id).Sound);
        var named = Assert.Single(report.Damage, d => d.Contains("does not match its id", StringComparison.Ordinal));
        foreach (var who in new[] { poison, job, vm }) Assert.Contains($"{who:D}", named, StringComparison.Ordinal);

        // Quarantined: the next backup sends the chunk again, and every honest image is whole.
        var again = await unit.BackupAsync(s_known);
        Assert.Equal(Disks.Chunk, again.Header.Streams[0].BytesSent);
        Assert.Equal(s_known, await unit.RestoreAsync(honest));
        Assert.True((await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default)).Images.Single(i => i.Id == honest.Header.Id).Sound);
    }

    [Fact]
    public async Task A_session_that_never_committed_is_named_too()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using (var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default))
        {
            await PutGarbageAsync(unit, writer);
            await writer.FlushAsync(default);
        }
        await unit.BackupAsync(s_known);
        var session = Path.GetFileName(Directory.EnumerateFiles(Path.Combine(unit.Directory, "sessions")).Order().First(
            s => File.ReadAllBytes(Path.Combine(unit.Directory, "ends", Path.GetFileName(s)))[26] != (byte)EndState.Committed));
        var report = await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default);
        Assert.Contains(report.Damage, d => d.Contains($"first sent by session {session}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_sees_and_annotates_only_images_of_its_own_vm()
    {
        await using var unit = await TestUnit.MakeAsync();
        var victim = await unit.BackupAsync(s_known);
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain, unit.NewId(), unit.NewId(), unit.NewId()), default);
        Assert.Empty(await writer.ListImagesAsync(default));
        foreach (var kind in Enum.GetValues<NoteKind>())
            await Assert.ThrowsAsync<TroubleException>(() => writer.PutNoteAsync(victim.Header.Id, kind, SealedBlob.Open("mine"), default));
        Assert.Empty((await unit.Unit.ListImagesAsync(default)).Images.Single().Notes);
    }

    [Fact]
    public async Task A_thousand_bogus_commits_of_one_grant_make_one_image_at_most_and_change_no_other()
    {
        var memory = new MemoryVolume();
        await using var unit = await TestUnit.MakeAsync(wrap: _ => memory);
        var victim = await unit.BackupAsync(s_known);
        var before = await ObjectsAsync(memory);
        var grant = new WriterScope(unit.Keys.Domain, unit.NewId(), unit.NewId(), unit.NewId());
        var random = new Random(4);
        var committed = 0;
        for (var i = 0; i < 1000; i++)
        {
            // The unit is opened once; what a media server keeps open, too.
            await using var writer = await unit.Unit.OpenWriterAsync(grant, default);
            var header = new ImageHeader(
                random.Next(3) == 0 ? grant.ImageId!.Value : i % 2 == 0 ? victim.Header.Id : unit.NewId(), unit.Keys.Domain,
                random.Next(2) == 0 ? grant.VmId!.Value : unit.Vm, random.Next(2) == 0 ? grant.JobId!.Value : unit.NewId(),
                unit.Time.GetUtcNow().AddDays(random.Next(-4000, 4000)), ImageType.Full, Consistency.Off, null, victim.Header.Streams);
            try
            {
                await writer.CommitAsync(header, new SealedBlob(0, new byte[32], new byte[64]), new SentCounter().Totals, default);
                committed++;
                Assert.Equal((grant.ImageId, grant.VmId, grant.JobId), (header.Id, header.VmId, header.JobId));
            }
            catch (TroubleException)
            {
                // Refused: right.
            }
        }
        Assert.Equal(1, committed);
        var images = (await unit.Unit.ListImagesAsync(default)).Images;
        Assert.Equal(2, images.Count);
        Assert.Equal(s_known, await unit.RestoreAsync(images.Single(i => i.Header.VmId == unit.Vm)));
        var after = await ObjectsAsync(memory);
        foreach (var (name, bytes) in before.Where(o => !o.Key.StartsWith("leases/", StringComparison.Ordinal))) Assert.Equal(bytes, after[name]);
    }

    [Fact]
    public async Task An_image_whose_details_are_garbage_hides_no_other()
    {
        await using var unit = await TestUnit.MakeAsync();
        var good = await unit.BackupAsync(s_known);
        await using (var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default))
        {
            await writer.CommitAsync(good.Header with { Id = unit.NewId() }, new SealedBlob(0, new byte[32], new byte[64]), new SentCounter().Totals, default);
        }
        var summaries = (await unit.Unit.ListImagesAsync(default)).Images.Select(i => ImageSummaries.TryOf(i, unit.Keys)).ToList();
        Assert.Single(summaries, s => s.Trouble is not null && s.Summary.Vm is null);
        Assert.Single(summaries, s => s.Trouble is null && s.Summary.Vm == "web");
        var report = await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default);
        Assert.Equal(good.Header.Id, Assert.Single(report.Images, i => i.Sound).Id);
    }

    [Fact]
    public async Task Nothing_that_a_session_may_call_deletes_or_replaces_an_object()
    {
        RecordingVolume recording = null!;
        await using var unit = await TestUnit.MakeAsync(wrap: v => recording = new RecordingVolume(v));
        var first = await unit.BackupAsync(s_known);
        var changed = (byte[])s_known.Clone();
        changed[0] ^= 1;
        await unit.BackupAsync(new MemorySource(changed), first, ExtentSet.Of(new Extent(0, Disks.Chunk)));
        // A lease is the one thing that a session replaces and takes away, and only its own.
        Assert.All(recording.Deleted, name => Assert.StartsWith("leases/", name, StringComparison.Ordinal));
        Assert.All(recording.Replaced, name => Assert.StartsWith("leases/", name, StringComparison.Ordinal));
    }

    /// <summary>Commits an image of its own, and with it garbage under the id of a chunk that others have.</summary>
    private static async Task<Guid> PoisonAsync(TestUnit unit, Guid vm, Guid job)
    {
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain, vm, JobId: job), default);
        using var session = new UploadSession(writer, unit.Keys, unit.Random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(Disks.Make(Disks.Chunk, seed: 77, share: 1))), null, default);
        var sent = new SentCounter();
        await PutGarbageAsync(unit, writer, sent);
        var header = new ImageHeader(unit.NewId(), unit.Keys.Domain, vm, job, unit.Time.GetUtcNow(), ImageType.Full, Consistency.Off, null, [stream]);
        var details = ImageDetailsCodec.Seal(unit.Keys, header, TestUnit.Details("mine", stream.Length), unit.Random);
        // The unit counted one record by the honest code and one by the patched.
        var both = new SentCounter();
        foreach (var id in new[] { unit.Keys.IdOf(Disks.Make(Disks.Chunk, seed: 77, share: 1)), unit.Keys.IdOf(s_known.AsSpan(0, Disks.Chunk)) })
            both.Add(new SealedRecord(new byte[32], 0, 0, id, Disks.Chunk, false, new byte[1]));
        await writer.CommitAsync(
            header, details, new SentTotals(2, session.Totals.RecordBytes + sent.Totals.RecordBytes, both.Totals.Checksum), default);
        return header.Id;
    }

    private static async Task PutGarbageAsync(TestUnit unit, IImageWriter writer, SentCounter? sent = null)
    {
        using var patched = new PackSealer(unit.Keys, unit.Random, 1);
        var record = patched.Seal(unit.Keys.IdOf(s_known.AsSpan(0, Disks.Chunk)), new byte[Disks.Chunk]);
        await writer.PutRecordAsync(record, default);
        sent?.Add(record);
    }

    private static async Task<StoredImage> BackupAsync(TestUnit unit, DomainKeys keys, byte[] disk, Guid vm)
    {
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(keys.Domain), default);
        using var session = new UploadSession(writer, keys, unit.Random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(disk)), null, default);
        var header = new ImageHeader(unit.NewId(), keys.Domain, vm, unit.NewId(), unit.Time.GetUtcNow(), ImageType.Full, Consistency.Off, null, [stream]);
        var blob = ImageDetailsCodec.Seal(keys, header, TestUnit.Details("web", disk.Length), unit.Random);
        await writer.CommitAsync(header, blob, session.Totals, default);
        return new StoredImage(header, blob, []);
    }

    private static async Task<byte[]> RestoreAsync(TestUnit unit, DomainKeys keys, StoredImage image)
    {
        await using var reader = await unit.Unit.OpenReaderAsync(new ReaderScope(keys.Domain), default);
        using var opener = new RecordOpener(keys);
        var target = new MemoryTarget(image.Header.Streams[0].Length);
        await DiskDownload.RunAsync(reader, opener, image.Header.Streams[0], target, null, default);
        return target.Bytes;
    }

    private static async Task<Dictionary<string, byte[]>> ObjectsAsync(MemoryVolume volume)
    {
        var objects = new Dictionary<string, byte[]>();
        foreach (var entry in await volume.ListAsync("", default))
        {
            var bytes = new byte[entry.Length];
            Assert.Equal(bytes.Length, await volume.ReadAsync(entry.Name, 0, bytes, default));
            objects.Add(entry.Name, bytes);
        }
        return objects;
    }

    /// <summary>Notes what is deleted or replaced.</summary>
    private sealed class RecordingVolume(IVolume inner) : IVolume
    {
        public List<string> Deleted { get; } = [];

        public List<string> Replaced { get; } = [];

        public string Name => inner.Name;

        public ValueTask<IReadOnlyList<VolumeEntry>> ListAsync(string prefix, CancellationToken cancel) => inner.ListAsync(prefix, cancel);

        public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancel) => inner.ReadAsync(name, offset, buffer, cancel);

        public ValueTask<bool> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel) => inner.PutIfAbsentAsync(name, bytes, cancel);

        public ValueTask PutAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
        {
            lock (Replaced) Replaced.Add(name);
            return inner.PutAsync(name, bytes, cancel);
        }

        public ValueTask<IVolumeWriter> CreateAsync(string name, CancellationToken cancel) => inner.CreateAsync(name, cancel);

        public ValueTask DeleteAsync(string name, CancellationToken cancel)
        {
            lock (Deleted) Deleted.Add(name);
            return inner.DeleteAsync(name, cancel);
        }

        public ValueTask SyncNamesAsync(string prefix, CancellationToken cancel) => inner.SyncNamesAsync(prefix, cancel);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
