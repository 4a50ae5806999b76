using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Images copied to another unit, byte for byte, without a key, any number of times, whatever goes wrong on the way.</summary>
public sealed class DuplicateTests
{
    [Fact]
    public async Task Only_what_is_missing_travels_and_an_image_keeps_its_id_and_its_notes()
    {
        await using var from = await TestUnit.MakeAsync();
        await using var to = await TestUnit.MakeAsync(seed: 2);
        var disk = Disks.Make(4 << 20, seed: 1, share: 0.7);
        var first = await from.BackupAsync(disk);
        var changed = (byte[])disk.Clone();
        Disks.Fill(changed.AsSpan(1 << 20, 3 * Disks.Chunk), new Random(1));
        var second = await from.BackupAsync(new MemorySource(changed), first, ExtentSet.Of(new Extent(1 << 20, 3 * Disks.Chunk)));
        await from.Unit.AnnotateAsync(
            first.Header.Id, NoteKind.Suspect, NoteCodec.SealText(from.Keys, first.Header.Id, NoteKind.Suspect, "why", from.Random), default);
        await Keeper.HoldAsync(from.Unit, first.Header.Id, NoteCodec.SealText(from.Keys, first.Header.Id, NoteKind.Hold, "law", from.Random), default);
        await UnitVerifyNotes.SoundAsync(from, first);

        var all = await UnitDuplicate.RunAsync(from.Unit, to.Unit, i => i.Header.Id == first.Header.Id, null, default);
        Assert.Equal([first.Header.Id], all.Images);
        Assert.Equal(first.Header.Streams[0].BytesSent / Disks.Chunk, all.Chunks);
        Assert.Equal(first.Header.Streams[0].BytesWire, all.Bytes);
        Assert.Equal(1, all.Notes);
        var more = await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
        Assert.Equal((second.Header.Id, 1, 3), (Assert.Single(more.Images), more.There, more.Chunks));
        var again = await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
        Assert.Equal((0, 2, 0, 0), (again.Images.Count, again.There, again.Chunks, again.Notes));

        var copies = (await to.Unit.ListImagesAsync(default)).Images;
        Assert.Equal([second.Header.Id, first.Header.Id], copies.Select(c => c.Header.Id));
        Assert.Equal([NoteKind.Suspect], copies[1].Notes.Select(n => n.Kind));
        Assert.Equal("why", NoteCodec.OpenText(from.Keys, first.Header.Id, copies[1].Notes[0]));
        var kept = (await Keeper.ListAsync(to.Unit, default)).Single(i => i.Keeping.Held);
        Assert.Equal("law", NoteCodec.OpenText(from.Keys, kept.Image.Header.Id, new ImageNote(NoteKind.Hold, default, kept.Keeping.HoldReason!)));
        foreach (var image in (await from.Unit.ListImagesAsync(default)).Images)
            Assert.Equal($"{to.Unit.Parameters.UnitId:N}", Assert.Single(image.Notes, n => n.Kind == NoteKind.Copied).Payload.OpenText());
        await ExpectWholeAsync(to, from.Keys, (disk, first), (changed, second));
    }

    /// <summary>What an image refers to may have been brought by one that was given up since.</summary>
    [Fact]
    public async Task A_key_domain_that_the_target_has_nothing_of_brings_no_more_than_was_estimated()
    {
        await using var from = await TestUnit.MakeAsync();
        await using var to = await TestUnit.MakeAsync(seed: 2);
        var disk = Disks.Make(4 << 20, seed: 1, share: 0.7);
        var first = await from.BackupAsync(disk);
        await from.BackupAsync(disk);
        await Keeper.ExpireAsync(from.Unit, first.Header.Id, null, default);
        await to.BackupAsync(disk);
        var estimate = await UnitDuplicate.EstimateAsync(from.Unit, to.Unit, default);
        var report = await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
        Assert.Equal(first.Header.Streams[0].BytesWire, report.Bytes);
        Assert.InRange(estimate, report.Bytes, report.Bytes * 21 / 20);
        Assert.Equal(0, await UnitDuplicate.EstimateAsync(from.Unit, to.Unit, default));
    }

    [Fact]
    public async Task Records_are_the_same_bytes_under_the_same_salt_and_number()
    {
        await using var from = await TestUnit.MakeAsync();
        await using var to = await TestUnit.MakeAsync(seed: 2);
        var image = await from.BackupAsync(Disks.Make(2 << 20, seed: 1, share: 1));
        await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
        var ids = new List<ChunkId>();
        await using var left = await from.Unit.OpenReaderAsync(new ReaderScope(from.Keys.Domain), default);
        await using var right = await to.Unit.OpenReaderAsync(new ReaderScope(from.Keys.Domain), default);
        var tree = new TreeReader(left, new TreeShape(image.Header.Streams[0].Length, Disks.Chunk), image.Header.Streams[0].Root);
        await foreach (var chunk in tree.ChunksAsync(default)) ids.Add(chunk.Id);
        foreach (var (one, two) in (await left.ReadRecordsAsync(ids, default)).Zip(await right.ReadRecordsAsync(ids, default)))
        {
            Assert.Equal((one.Number, one.Epoch, one.Id, one.PlainLength, one.Compressed), (two.Number, two.Epoch, two.Id, two.PlainLength, two.Compressed));
            Assert.Equal(one.PackSalt.ToArray(), two.PackSalt.ToArray());
            Assert.Equal(one.Bytes.ToArray(), two.Bytes.ToArray());
        }
    }

    [Fact]
    public async Task An_image_whose_base_is_not_copied_is_whole_all_the_same()
    {
        await using var from = await TestUnit.MakeAsync();
        await using var to = await TestUnit.MakeAsync(seed: 2);
        var disk = Disks.Make(4 << 20, seed: 1, share: 0.7);
        var first = await from.BackupAsync(disk);
        Disks.Fill(disk.AsSpan(0, Disks.Chunk), new Random(1));
        var second = await from.BackupAsync(new MemorySource(disk), first, ExtentSet.Of(new Extent(0, Disks.Chunk)));
        await UnitDuplicate.RunAsync(from.Unit, to.Unit, i => i.Header.Id == second.Header.Id, null, default);
        await ExpectWholeAsync(to, from.Keys, (disk, second));
    }

    [Fact]
    public async Task What_was_given_up_or_released_at_the_target_stays_so()
    {
        await using var from = await TestUnit.MakeAsync();
        await using var to = await TestUnit.MakeAsync(seed: 2);
        var image = await from.BackupAsync(Disks.Make(1 << 20, seed: 1, share: 1));
        await Keeper.HoldAsync(from.Unit, image.Header.Id, null, default);
        await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
        await Keeper.ReleaseAsync(to.Unit, image.Header.Id, default);
        await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
        Assert.False(Assert.Single(await Keeper.ListAsync(to.Unit, default)).Keeping.Held);
        await Keeper.ExpireAsync(to.Unit, image.Header.Id, null, default);
        var report = await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
        Assert.Equal((0, 0, 1), (report.Images.Count, report.There, report.GivenUp));
        Assert.Empty((await to.Unit.ListImagesAsync(default)).Images);
    }

    [Fact]
    public async Task Domains_stay_apart()
    {
        await using var from = await TestUnit.MakeAsync();
        await using var to = await TestUnit.MakeAsync(seed: 2);
        var disk = Disks.Make(1 << 20, seed: 1, share: 1);
        await to.BackupAsync(disk);
        var image = await from.BackupAsync(disk);
        var report = await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
        Assert.Equal(16, report.Chunks);
        await ExpectWholeAsync(to, from.Keys, (disk, image));
    }

    [Fact]
    public async Task Units_that_do_not_fit_are_refused()
    {
        await using var from = await TestUnit.MakeAsync();
        await using var other = await TestUnit.MakeAsync(seed: 2, chunkSize: 128 << 10);
        var sizes = await Assert.ThrowsAsync<TroubleException>(() => UnitDuplicate.RunAsync(from.Unit, other.Unit, _ => true, null, default));
        Assert.Contains("--chunk-size 64", sizes.Trouble.NextStep, StringComparison.Ordinal);
        await Assert.ThrowsAsync<TroubleException>(() => UnitDuplicate.RunAsync(from.Unit, from.Unit, _ => true, null, default));
    }

    [Theory]
    [InlineData("*.data")]
    [InlineData("*.nodes")]
    public async Task A_damaged_source_gives_no_copy_of_the_image_it_hurts(string files)
    {
        await using var from = await TestUnit.MakeAsync();
        await using var to = await TestUnit.MakeAsync(seed: 2);
        await from.BackupAsync(Disks.Make(2 << 20, seed: 1, share: 1));
        DamageOne(from, files);
        await from.ReopenAsync();
        await Assert.ThrowsAsync<TroubleException>(() => UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default));
        Assert.Empty((await to.Unit.ListImagesAsync(default)).Images);
    }

    [Fact]
    public async Task Cut_off_at_any_call_the_target_is_whole_and_the_next_run_ends_the_work()
    {
        var disk = Disks.Make(3 << 20, seed: 1, share: 0.8);
        await using var from = await TestUnit.MakeAsync();
        var first = await from.BackupAsync(disk);
        var changed = (byte[])disk.Clone();
        Disks.Fill(changed.AsSpan(0, Disks.Chunk), new Random(1));
        var second = await from.BackupAsync(new MemorySource(changed), first, ExtentSet.Of(new Extent(0, Disks.Chunk)));
        var fired = 0;
        foreach (var call in new[] { VolumeCall.Put, VolumeCall.Create, VolumeCall.Append, VolumeCall.Complete, VolumeCall.Sync, VolumeCall.List })
        {
            for (var nth = 0; nth < 8; nth++)
            {
                FaultyVolume faulty = null!;
                await using var to = await TestUnit.MakeAsync(seed: 2, wrap: v => faulty = new FaultyVolume(v));
                faulty.Plan(call, nth, () => new IOException("cut off"));
                try
                {
                    await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
                }
                catch (TroubleException)
                {
                    fired++;
                }
                await to.ReopenAsync();
                foreach (var image in (await to.Unit.ListImagesAsync(default)).Images)
                    await ExpectWholeAsync(to, from.Keys, image.Header.Id == first.Header.Id ? (disk, first) : (changed, second));
                await UnitDuplicate.RunAsync(from.Unit, to.Unit, _ => true, null, default);
                await ExpectWholeAsync(to, from.Keys, (disk, first), (changed, second));
            }
        }
        Assert.InRange(fired, 16, 48);
    }

    [Fact]
    public async Task A_repair_heals_what_a_verify_found_from_a_copy()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using var copy = await TestUnit.MakeAsync(seed: 2);
        var disk = Disks.Make(2 << 20, seed: 1, share: 1);
        var image = await unit.BackupAsync(disk);
        await UnitDuplicate.RunAsync(unit.Unit, copy.Unit, _ => true, null, default);
        DamageOne(unit, "*.data");
        DamageOne(unit, "*.nodes");
        await unit.ReopenAsync();
        Assert.NotEmpty((await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default)).Damage);
        var report = await UnitRepair.RunAsync(unit.Unit, copy.Unit, unit.Keys, null, default);
        Assert.Equal((1, 0), (report.Chunks, report.Lost.Count));
        Assert.Empty((await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default)).Damage);
        Assert.Equal(disk, await unit.RestoreAsync(image));
    }

    [Fact]
    public async Task A_repair_brings_whole_packs_that_went_and_names_what_neither_has()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using var copy = await TestUnit.MakeAsync(seed: 2);
        var disk = Disks.Make(2 << 20, seed: 1, share: 1);
        var image = await unit.BackupAsync(disk);
        await UnitDuplicate.RunAsync(unit.Unit, copy.Unit, _ => true, null, default);
        var late = Disks.Make(1 << 20, seed: 7, share: 1);
        await unit.BackupAsync(late);
        foreach (var pack in Directory.EnumerateFiles(unit.Directory, "*.data", SearchOption.AllDirectories).ToList()) File.Delete(pack);
        await unit.ReopenAsync();
        var report = await UnitRepair.RunAsync(unit.Unit, copy.Unit, null, null, default);
        Assert.Equal(32, report.Chunks);
        Assert.Contains("16 chunks are in neither unit", Assert.Single(report.Lost), StringComparison.Ordinal);
        Assert.Equal(disk, await unit.RestoreAsync(image));
    }

    [Fact]
    public async Task A_repair_with_the_key_takes_no_false_content_from_the_copy()
    {
        await using var unit = await TestUnit.MakeAsync();
        await using var copy = await TestUnit.MakeAsync(seed: 2);
        var disk = Disks.Make(Disks.Chunk, seed: 1, share: 1);
        var image = await unit.BackupAsync(disk);
        await using (var writer = await copy.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default))
        {
            using var sealer = new PackSealer(unit.Keys, unit.Random, 1);
            await writer.PutRecordAsync(sealer.Seal(unit.Keys.IdOf(disk), new byte[Disks.Chunk]), default);
            await writer.FlushAsync(default);
        }
        File.Delete(Directory.EnumerateFiles(unit.Directory, "*.data", SearchOption.AllDirectories).Single());
        await unit.ReopenAsync();
        var report = await UnitRepair.RunAsync(unit.Unit, copy.Unit, unit.Keys, null, default);
        Assert.Equal(0, report.Chunks);
        Assert.Contains("does not match its id", Assert.Single(report.Lost), StringComparison.Ordinal);
        await Assert.ThrowsAsync<TroubleException>(() => unit.RestoreAsync(image));
    }

    private static void DamageOne(TestUnit unit, string files)
    {
        var file = Directory.EnumerateFiles(unit.Directory, files, SearchOption.AllDirectories).Order().First();
        var bytes = File.ReadAllBytes(file);
        bytes[PackFormat.HeaderSize + 100] ^= 1;
        File.WriteAllBytes(file, bytes);
    }

    private static async Task ExpectWholeAsync(TestUnit to, DomainKeys keys, params (byte[] Disk, StoredImage Image)[] images)
    {
        var report = await UnitVerify.RunAsync(to.Unit, keys, null, default);
        Assert.Empty(report.Damage);
        await using var reader = await to.Unit.OpenReaderAsync(new ReaderScope(keys.Domain), default);
        using var opener = new RecordOpener(keys);
        foreach (var (disk, image) in images)
        {
            var target = new MemoryTarget(disk.Length);
            var stored = (await reader.ListImagesAsync(default)).Single(i => i.Header.Id == image.Header.Id);
            await DiskDownload.RunAsync(reader, opener, stored.Header.Streams[0], target, null, default);
            Assert.Equal(disk, target.Bytes);
            Assert.Equal("web", ImageDetailsCodec.Open(keys, stored).VmName);
        }
    }

    private static class UnitVerifyNotes
    {
        public static Task SoundAsync(TestUnit unit, StoredImage image) => unit.Unit.AnnotateAsync(
            image.Header.Id, NoteKind.Verified,
            NoteCodec.Seal(unit.Keys, image.Header.Id, new VerifyResult(unit.Time.GetUtcNow(), "sound", VerifyKind.Full), unit.Random), default);
    }
}
