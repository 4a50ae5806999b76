using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A collect that has the key: what lies under older epochs is sealed anew, and small packs come together.</summary>
public sealed class ResealTests
{
    [Fact]
    public async Task After_a_rotation_a_collect_with_the_key_leaves_nothing_under_the_old_epoch()
    {
        await using var unit = await TestUnit.MakeAsync();
        using var next = Next(unit);
        var (disks, images) = await ThreeAsync(unit);
        // Without the key nothing is sealed anew, whatever the epoch of a key file somewhere is.
        Assert.Equal(0, (await CollectAsync(unit, null)).PacksResealed);
        Assert.Equal([0], (await unit.Unit.EpochsAsync(unit.Keys.Domain, default)).Select(use => use.Epoch));
        var salts = Salts(unit);

        var report = await CollectAsync(unit, next);
        Assert.True(report is { Finished: true, PacksResealed: 3, PacksDeleted: 3 }, $"{report}");
        var epochs = await unit.Unit.EpochsAsync(unit.Keys.Domain, default);
        Assert.Equal([(0, 0, 3), (1, 1, 0)], epochs.Select(use => (use.Epoch, use.Packs, use.Images)));
        Assert.DoesNotContain(Salts(unit), salts.Contains);
        for (var i = 0; i < 3; i++) Assert.Equal(disks[i], await unit.RestoreAsync(images[i]));
        var verify = await UnitVerify.RunAsync(unit.Unit, next, null, default);
        Assert.Empty(verify.Damage);
        Assert.Equal(3, verify.Images.Count);
        // And then there is nothing to do, with the new key or the old.
        foreach (var keys in new[] { next, unit.Keys }) Assert.Equal((0, 0), Did(await CollectAsync(unit, keys)));
    }

    [Fact]
    public async Task Stopped_at_any_call_it_loses_nothing_and_the_next_one_ends_it()
    {
        var fired = 0;
        foreach (var call in new[] { VolumeCall.Read, VolumeCall.Create, VolumeCall.Append, VolumeCall.Complete, VolumeCall.Put, VolumeCall.List, VolumeCall.Sync })
        {
            for (var nth = 0; ; nth++)
            {
                FaultyVolume faulty = null!;
                await using var unit = await TestUnit.MakeAsync(wrap: v => faulty = new FaultyVolume(v));
                using var next = Next(unit);
                var (disks, images) = await ThreeAsync(unit);
                faulty.Plan(call, nth, () => new IOException("the machine went down"));
                try
                {
                    await CollectAsync(unit, next);
                }
                catch (TroubleException)
                {
                    Assert.True(faulty.Fired);
                }
                if (!faulty.Fired) break;
                fired++;
                await unit.ReopenAsync();
                for (var i = 0; i < 3; i++) Assert.Equal(disks[i], await unit.RestoreAsync(images[i]));
                await CollectAsync(unit, next);
                Assert.All(await unit.Unit.EpochsAsync(unit.Keys.Domain, default), use => Assert.True(use.Epoch == 1 || use.Packs == 0, $"{call} {nth}: {use}"));
                for (var i = 0; i < 3; i++) Assert.Equal(disks[i], await unit.RestoreAsync(images[i]));
                Assert.Empty((await UnitVerify.RunAsync(unit.Unit, next, null, default)).Damage);
            }
        }
        Assert.True(fired > 20, $"only {fired} faults fired");
    }

    [Fact]
    public async Task Small_packs_come_together_chunks_with_the_key_and_nodes_without()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disks = Enumerable.Range(0, 9).Select(seed => Disks.Make(1 << 20, seed, share: 1)).ToList();
        var images = new List<StoredImage>();
        foreach (var disk in disks) images.Add(await unit.BackupAsync(disk));
        Assert.Equal((9, 9), Counts(unit));
        Assert.Equal((9, 0), Did(await CollectAsync(unit, null)));
        Assert.Equal((9, 1), Counts(unit));
        Assert.Equal((0, 9), Did(await CollectAsync(unit, unit.Keys)));
        Assert.Equal((1, 1), Counts(unit));
        for (var i = 0; i < 9; i++) Assert.Equal(disks[i], await unit.RestoreAsync(images[i]));
        Assert.Empty((await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default)).Damage);
        Assert.Equal((0, 0), Did(await CollectAsync(unit, unit.Keys)));
        // Deduplication goes on in the merged pack.
        var again = await unit.BackupAsync(disks[4]);
        Assert.Equal(0, again.Header.Streams[0].BytesSent);
    }

    [Fact]
    public async Task Few_small_packs_stay_and_so_does_what_a_round_has_no_room_for()
    {
        await using var unit = await TestUnit.MakeAsync();
        for (var seed = 0; seed < 5; seed++) await unit.BackupAsync(Disks.Make(1 << 20, seed, share: 1));
        Assert.Equal((0, 0), Did(await CollectAsync(unit, unit.Keys)));
        using var next = Next(unit);
        // Rounds of one pack each: five rounds in one collect.
        await using var narrow = await StorageUnit.OpenInAsync(
            unit.Directory, unit.Environment with { Margins = SafetyMargins.Default with { ResealAtOnce = 1, MostSmallPacks = 100 } }, default);
        using var random = RandomNumberGenerator.Create();
        Assert.Equal((0, 5), Did(await Collector.RunAsync(narrow, new CollectOptions(Keys: new CollectKeys(next, random)), null, default)));
        Assert.Equal((5, 5), Counts(unit));
        Assert.Empty((await UnitVerify.RunAsync(narrow, next, null, default)).Damage);
    }

    [Fact]
    public async Task What_is_not_what_its_id_says_is_not_sealed_anew_and_its_sender_stays_known()
    {
        await using var unit = await TestUnit.MakeAsync();
        using var next = Next(unit);
        // A client with a patched codec: another content under the id of this one.
        var honest = Disks.Make(Disks.Chunk, seed: 4, share: 1);
        var lie = Disks.Make(Disks.Chunk, seed: 5, share: 1);
        await using (var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default))
        {
            using var sealer = new PackSealer(unit.Keys, unit.Random, 1);
            await writer.PutRecordAsync(sealer.Seal(unit.Keys.IdOf(honest), lie), default);
            await writer.FlushAsync(default);
        }
        await unit.BackupAsync(honest);
        Assert.Equal(0, (await CollectAsync(unit, next)).PacksResealed);
        var damage = (await UnitVerify.RunAsync(unit.Unit, next, null, default)).Damage;
        Assert.Contains(damage, text => text.Contains("first sent by session", StringComparison.Ordinal));
    }

    /// <summary>A verify that finds an image whole again lifts what an earlier one said; a write that change tracking missed stays said.</summary>
    [Fact]
    public async Task A_clean_verify_lifts_damage_that_was_healed_whatever_the_clock_says()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(1 << 20, seed: 6, share: 1);
        var image = await unit.BackupAsync(disk);
        var pack = Directory.EnumerateFiles(unit.Directory, "*.data", SearchOption.AllDirectories).Single();
        var sound = await File.ReadAllBytesAsync(pack);
        var spoiled = (byte[])sound.Clone();
        spoiled[PackFormat.HeaderSize + 100] ^= 1;
        await File.WriteAllBytesAsync(pack, spoiled);
        // The host that finds it has its clock two years ahead.
        var ahead = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(unit.Time.GetUtcNow().AddYears(2));
        await using (var other = await StorageUnit.OpenInAsync(unit.Directory, unit.Environment with { Time = ahead }, default))
        {
            await VerifyAsync(other, unit.Keys);
            Assert.Equal(ImageDoubt.Damaged, await DoubtAsync(other, null));
        }
        foreach (var mark in Directory.EnumerateFiles(Path.Combine(unit.Directory, "bad"), "*", SearchOption.AllDirectories)) File.Delete(mark);
        await File.WriteAllBytesAsync(pack, sound);
        await unit.ReopenAsync();
        await VerifyAsync(unit.Unit, null);
        Assert.Equal(ImageDoubt.Damaged, await DoubtAsync(unit.Unit, null));
        await VerifyAsync(unit.Unit, unit.Keys);
        foreach (var keys in new[] { unit.Keys, null }) Assert.Null(await DoubtAsync(unit.Unit, keys));
        var plan = await Pruner.PlanAsync(unit.Unit, new RetentionPolicy(Last: 1), null, null, default);
        Assert.Equal(image.Header.Id, Assert.Single(plan.Images, i => i.Counts).Id);

        var missed = NoteCodec.SealText(unit.Keys, image.Header.Id, NoteKind.Suspect, "a write was missed", unit.Random);
        await unit.Unit.AnnotateAsync(image.Header.Id, NoteKind.Suspect, missed, default);
        await VerifyAsync(unit.Unit, unit.Keys);
        Assert.Equal(ImageDoubt.Suspect, await DoubtAsync(unit.Unit, unit.Keys));

        async Task VerifyAsync(StorageUnit at, DomainKeys? keys) =>
            await VerifyNotes.WriteAsync(at, keys, await UnitVerify.RunAsync(at, keys, null, default), unit.Random, default);

        static async Task<string?> DoubtAsync(StorageUnit at, DomainKeys? keys) => ImageDoubt.Of(Assert.Single((await at.ListImagesAsync(default)).Images), keys);
    }

    /// <summary>The same domain after a rotation.</summary>
    private static DomainKeys Next(TestUnit unit)
    {
        var master = new byte[DomainKeys.MasterSize];
        new Random(1).NextBytes(master);
        var next = new DomainKeys(master, epoch: 1);
        Assert.Equal(unit.Keys.Domain, next.Domain);
        return next;
    }

    private static async Task<(List<byte[]> Disks, List<StoredImage> Images)> ThreeAsync(TestUnit unit)
    {
        List<byte[]> disks = [Disks.Make(2 << 20, seed: 1)];
        List<StoredImage> images = [await unit.BackupAsync(disks[0])];
        for (var i = 1; i < 3; i++)
        {
            var disk = (byte[])disks[^1].Clone();
            Disks.Fill(disk.AsSpan(i << 19, 1 << 19), new Random(i));
            images.Add(await unit.BackupAsync(new MemorySource(disk), images[^1], ExtentSet.Of(new Extent(i << 19, 1 << 19))));
            disks.Add(disk);
        }
        return (disks, images);
    }

    private static async Task<CollectReport> CollectAsync(TestUnit unit, DomainKeys? keys)
    {
        using var random = RandomNumberGenerator.Create();
        return await Collector.RunAsync(unit.Unit, new CollectOptions(Keys: keys is null ? null : new CollectKeys(keys, random)), null, default);
    }

    private static (int Rewritten, int Resealed) Did(CollectReport report) => (report.PacksRewritten, report.PacksResealed);

    private static (int Data, int Nodes) Counts(TestUnit unit) => (Packs(unit, "*.data").Count, Packs(unit, "*.nodes").Count);

    private static List<string> Packs(TestUnit unit, string pattern) => [.. Directory.EnumerateFiles(unit.Directory, pattern, SearchOption.AllDirectories)];

    private static HashSet<string> Salts(TestUnit unit) =>
        [.. Packs(unit, "*.data").Select(path => Convert.ToHexString(File.ReadAllBytes(path).AsSpan(80, StoreFormat.SaltSize)))];
}
