using Microsoft.Extensions.Time.Testing;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A verify goes on where it was stopped, leaves out what was sound lately, keeps a rate, picks a part, and remembers what it found.</summary>
public sealed class VerifyTests
{
    [Fact]
    public async Task A_stopped_verify_goes_on_where_it_was()
    {
        await using var unit = await ManyPacksAsync();
        var options = new VerifyOptions { Keys = unit.Keys, Remember = true };
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => UnitVerify.RunAsync(
            unit.Unit, options, null, new Seen(bytes => { if (bytes > 3_000_000) stop.Cancel(); }), stop.Token));
        unit.Time.Advance(TimeSpan.FromHours(1));
        await unit.ReopenAsync();
        var report = await UnitVerify.RunAsync(unit.Unit, options, null, null, default);
        Assert.Empty(report.Damage);
        Assert.InRange(report.Skipped, 3, 15);
        Assert.Equal(Packs(unit).Count, report.Packs + report.Skipped);
        Assert.Equal(8, report.Images.Count(i => i.Sound));

        // It ended: the next one reads all again.
        Assert.Equal(0, (await UnitVerify.RunAsync(unit.Unit, options, null, null, default)).Skipped);
    }

    [Fact]
    public async Task Begun_anew_or_with_another_key_nothing_is_taken_as_read()
    {
        await using var unit = await ManyPacksAsync();
        var options = new VerifyOptions { Keys = unit.Keys, Remember = true };
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => UnitVerify.RunAsync(unit.Unit, options, null, new Seen(_ => stop.Cancel()), stop.Token));
        Assert.Equal(0, (await UnitVerify.RunAsync(unit.Unit, options with { Restart = true }, null, null, default)).Skipped);
        Assert.Equal(0, (await UnitVerify.RunAsync(unit.Unit, options with { Keys = null }, null, null, default)).Skipped);
    }

    [Fact]
    public async Task What_was_sound_lately_is_left_out_and_what_was_damaged_never_is()
    {
        await using var unit = await ManyPacksAsync();
        var month = new VerifyOptions { Keys = unit.Keys, Remember = true, OlderThan = TimeSpan.FromDays(30) };
        var first = await VerifyAsync(unit, month);
        Assert.Equal((0, 8), (first.Skipped, first.Images.Count));
        unit.Time.Advance(TimeSpan.FromDays(10));
        var late = Disks.Make(1 << 20, seed: 99, share: 1);
        var added = await unit.BackupAsync(late);
        var second = await VerifyAsync(unit, month);
        Assert.Equal((2, added.Header.Id), (second.Packs, Assert.Single(second.Images).Id));
        unit.Time.Advance(TimeSpan.FromDays(25));
        var third = await VerifyAsync(unit, month);
        Assert.Equal((2, 8), (third.Skipped, third.Images.Count));

        Damage(unit, Packs(unit).Where(p => p.EndsWith(".data", StringComparison.Ordinal)).Order().First());
        await unit.ReopenAsync();
        Assert.NotEmpty((await VerifyAsync(unit, month with { OlderThan = null })).Damage);
        Assert.NotEmpty((await VerifyAsync(unit, month)).Damage);
    }

    [Fact]
    public async Task What_a_clock_that_ran_ahead_dated_is_not_lately()
    {
        await using var unit = await ManyPacksAsync();
        var month = new VerifyOptions { Keys = unit.Keys, Remember = true, OlderThan = TimeSpan.FromDays(30) };
        var start = unit.Time.GetUtcNow();
        foreach (var (ahead, left) in new[] { (TimeSpan.FromMinutes(4), 8), (TimeSpan.FromDays(400), 0) })
        {
            await using var fast = await StorageUnit.OpenInAsync(unit.Directory, unit.Environment with { Time = new FakeTimeProvider(start + ahead) }, default);
            await VerifyNotes.WriteAsync(
                fast, unit.Keys, await UnitVerify.RunAsync(fast, month with { OlderThan = null }, null, null, default), unit.Random, default);
            await unit.ReopenAsync();
            var report = await UnitVerify.RunAsync(unit.Unit, month, null, null, default);
            Assert.Equal((2 * left, left, 8 - left), (report.Skipped, report.NotDue, report.Images.Count));
        }
    }

    /// <summary>Anybody who writes to the store can write such a note, and a clock can do it by itself.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_note_of_the_end_of_time_ends_no_verify_and_does_not_stand_over_what_the_key_holder_finds(bool isSealed)
    {
        await using var unit = await ManyPacksAsync();
        var image = (await unit.Unit.ListImagesAsync(default)).Images[0].Header.Id;
        var payload = isSealed ? NoteCodec.SealText(unit.Keys, image, NoteKind.Damaged, "a fast clock", unit.Random) : SealedBlob.Open("a verify found it damaged: so they say");
        var note = new NoteObject(image, unit.NewId(), new ImageNote(NoteKind.Damaged, DateTimeOffset.MaxValue, payload));
        Assert.True(await unit.Unit.Volume.PutIfAbsentAsync(note.Name, note.Encode(), default));
        async Task<string?> DoubtAsync() => ImageDoubt.Of((await unit.Unit.ListImagesAsync(default)).Images[0], unit.Keys);
        Assert.Equal(ImageDoubt.Damaged, await DoubtAsync());

        Assert.Empty((await VerifyAsync(unit, new VerifyOptions { Keys = unit.Keys })).Damage);
        Assert.Equal(isSealed ? ImageDoubt.Damaged : null, await DoubtAsync());
        foreach (var pack in Packs(unit)) Damage(unit, pack);
        await unit.ReopenAsync();
        Assert.NotEmpty((await VerifyAsync(unit, new VerifyOptions { Keys = unit.Keys })).Damage);
        Assert.Equal(ImageDoubt.Damaged, await DoubtAsync());
    }

    /// <summary>The sealed note of a fast clock is answered just after it, also by who holds no key.</summary>
    [Fact]
    public async Task Damage_that_is_found_after_a_verify_by_a_fast_clock_counts_at_once()
    {
        await using var unit = await ManyPacksAsync();
        await using (var fast = await StorageUnit.OpenInAsync(unit.Directory, unit.Environment with { Time = new FakeTimeProvider(unit.Time.GetUtcNow().AddDays(9)) }, default))
            await VerifyNotes.WriteAsync(fast, unit.Keys, await UnitVerify.RunAsync(fast, unit.Keys, null, default), unit.Random, default);
        foreach (var pack in Packs(unit)) Damage(unit, pack);
        await unit.ReopenAsync();
        Assert.NotEmpty((await VerifyAsync(unit, new VerifyOptions())).Damage);
        foreach (var keys in new[] { unit.Keys, null })
            Assert.All((await unit.Unit.ListImagesAsync(default)).Images, i => Assert.Equal(ImageDoubt.Damaged, ImageDoubt.Of(i, keys)));
    }

    [Fact]
    public async Task A_pack_that_shrank_or_went_since_is_seen_although_it_was_sound_lately()
    {
        await using var unit = await ManyPacksAsync();
        var options = new VerifyOptions { Keys = unit.Keys, Remember = true, OlderThan = TimeSpan.FromDays(30) };
        Assert.Empty((await VerifyAsync(unit, options)).Damage);
        var pack = Packs(unit).First(p => p.EndsWith(".data", StringComparison.Ordinal));
        var bytes = await File.ReadAllBytesAsync(pack);
        await File.WriteAllBytesAsync(pack, bytes[..^1000]);
        await unit.ReopenAsync();
        Assert.NotEmpty((await VerifyAsync(unit, options)).Damage);
        File.Delete(pack);
        await unit.ReopenAsync();
        Assert.NotEmpty((await VerifyAsync(unit, options with { OlderThan = TimeSpan.FromDays(1) })).Damage);
    }

    [Fact]
    public async Task Beside_backups_expiry_and_a_collect_nothing_sound_is_called_damaged()
    {
        await using var unit = await ManyPacksAsync();
        var images = (await unit.Unit.ListImagesAsync(default)).Images;
        var disturbed = 0;
        // The first pack that is read gives the sign: one image is given up and collected, another is made, before the verify goes on.
        var report = await UnitVerify.RunAsync(unit.Unit, new VerifyOptions { Keys = unit.Keys }, null, new Seen(_ =>
        {
            if (Interlocked.Exchange(ref disturbed, 1) != 0) return;
            Task.Run(async () =>
            {
                await using var other = await StorageUnit.OpenInAsync(unit.Directory, unit.Environment, default);
                await Keeper.ExpireAsync(other, images[2].Header.Id, null, default);
                await Collector.RunAsync(other, new CollectOptions(), null, default);
                await unit.BackupAsync(Disks.Make(1 << 20, seed: 77, share: 1));
            }).GetAwaiter().GetResult();
        }), default);
        Assert.Equal(1, disturbed);
        Assert.Empty(report.Damage);
        Assert.DoesNotContain(report.Images, i => i.Id == images[2].Header.Id && !i.Sound);
        Assert.Equal(8, (await unit.Unit.ListImagesAsync(default)).Images.Count);
    }

    [Fact]
    public async Task One_image_reads_only_the_packs_that_it_refers_to()
    {
        await using var unit = await ManyPacksAsync();
        var image = (await unit.Unit.ListImagesAsync(default)).Images[3];
        var options = new VerifyOptions { Keys = unit.Keys, Image = image.Header.Id };
        var report = await UnitVerify.RunAsync(unit.Unit, options, null, null, default);
        Assert.Equal((2, 14, image.Header.Id), (report.Packs, report.Skipped, Assert.Single(report.Images).Id));
        Assert.Empty(report.Damage);
        foreach (var pack in Packs(unit)) Damage(unit, pack);
        await unit.ReopenAsync();
        Assert.False(Assert.Single((await UnitVerify.RunAsync(unit.Unit, options, null, null, default)).Images).Sound);
        await Assert.ThrowsAsync<TroubleException>(() => UnitVerify.RunAsync(unit.Unit, options with { Image = Guid.Empty }, null, null, default));
    }

    [Fact]
    public async Task A_sample_reads_a_part_and_calls_nothing_sound_for_good()
    {
        await using var unit = await ManyPacksAsync();
        var report = await VerifyAsync(unit, new VerifyOptions { Keys = unit.Keys, Sample = 0.4, Pick = new Random(5), Remember = true });
        Assert.True(report.Partial);
        Assert.InRange(report.Packs, 2, 12);
        Assert.Empty(report.Damage);
        Assert.All((await unit.Unit.ListImagesAsync(default)).Images, i => Assert.Empty(i.Notes));
        foreach (var pack in Packs(unit)) Damage(unit, pack);
        await unit.ReopenAsync();
        Assert.NotEmpty((await VerifyAsync(unit, new VerifyOptions { Keys = unit.Keys, Sample = 0.4, Pick = new Random(5) })).Damage);
        Assert.Contains((await unit.Unit.ListImagesAsync(default)).Images, i => i.Notes.Any(n => n.Kind == NoteKind.Damaged));
    }

    /// <summary>Damage that came after a part was found sound: the next plain verify reads that part too.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task What_a_look_at_a_part_found_sound_is_read_again_by_a_verify_of_the_whole(bool image, bool stopped)
    {
        await using var unit = await ManyPacksAsync();
        var whole = new VerifyOptions { Keys = unit.Keys, Remember = true };
        var part = image
            ? whole with { Image = (await unit.Unit.ListImagesAsync(default)).Images[3].Header.Id }
            : whole with { Sample = 0.7, Pick = new Random(5) };
        using var stop = new CancellationTokenSource();
        var look = UnitVerify.RunAsync(unit.Unit, part, null, new Seen(_ => { if (stopped) stop.Cancel(); }), stop.Token);
        if (stopped) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => look);
        else Assert.Empty((await look).Damage);
        foreach (var pack in Packs(unit)) Damage(unit, pack);
        unit.Time.Advance(TimeSpan.FromHours(1));
        await unit.ReopenAsync();
        var report = await VerifyAsync(unit, whole);
        Assert.Equal((0, 8), (report.Skipped, report.Images.Count(i => !i.Sound)));
    }

    /// <summary>Nor does such a look believe what a verify of the whole found before it was stopped; that one goes on afterwards.</summary>
    [Fact]
    public async Task A_look_at_a_part_reads_all_of_it_and_leaves_a_stopped_verify_as_it_was()
    {
        await using var unit = await ManyPacksAsync();
        var whole = new VerifyOptions { Keys = unit.Keys, Remember = true };
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => UnitVerify.RunAsync(
            unit.Unit, whole, null, new Seen(bytes => { if (bytes > 3_000_000) stop.Cancel(); }), stop.Token));
        unit.Time.Advance(TimeSpan.FromHours(1));
        await unit.ReopenAsync();
        foreach (var image in (await unit.Unit.ListImagesAsync(default)).Images)
            Assert.Equal(2, (await VerifyAsync(unit, whole with { Image = image.Header.Id, Restart = true })).Packs);
        // All was read since it began.
        Assert.Equal((16, 0), ((await VerifyAsync(unit, whole)).Skipped, (await VerifyAsync(unit, whole)).Skipped));
    }

    [Fact]
    public async Task A_limit_keeps_its_rate()
    {
        await using var unit = await ManyPacksAsync();
        var total = Packs(unit).Sum(p => new FileInfo(p).Length);
        var began = unit.Time.GetUtcNow();
        var run = UnitVerify.RunAsync(unit.Unit, new VerifyOptions { Keys = unit.Keys, BytesPerSecond = 1 << 20 }, null, null, default);
        while (!run.IsCompleted)
        {
            unit.Time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(1, CancellationToken.None);
        }
        Assert.Empty((await run).Damage);
        // The last window is waited for by nobody.
        Assert.True((unit.Time.GetUtcNow() - began).TotalSeconds >= (total - (2 << 20)) / (double)(1 << 20));
    }

    [Fact]
    public async Task A_failed_image_is_noted_damaged_with_a_key_and_without()
    {
        foreach (var withKey in new[] { true, false })
        {
            await using var unit = await ManyPacksAsync();
            Damage(unit, Packs(unit).First(p => p.EndsWith(".data", StringComparison.Ordinal)));
            await unit.ReopenAsync();
            var report = await VerifyAsync(unit, new VerifyOptions { Keys = withKey ? unit.Keys : null });
            var bad = Assert.Single(report.Images, i => !i.Sound);
            var image = (await unit.Unit.ListImagesAsync(default)).Images.Single(i => i.Header.Id == bad.Id);
            var note = Assert.Single(image.Notes, n => n.Kind == NoteKind.Damaged);
            Assert.Contains("a verify found it damaged: chunk", NoteCodec.OpenText(unit.Keys, bad.Id, note), StringComparison.Ordinal);
            var last = ImageSummaries.LastVerify(image, unit.Keys)!;
            Assert.Equal(("damaged", withKey ? VerifyKind.Full : VerifyKind.Stored), (last.Result, last.Kind));
            foreach (var keys in new[] { unit.Keys, null }) Assert.Equal(ImageDoubt.Damaged, ImageDoubt.Of(image, keys));
            // Said once, however often it is found.
            await VerifyAsync(unit, new VerifyOptions { Keys = withKey ? unit.Keys : null });
            Assert.Single((await unit.Unit.ListImagesAsync(default)).Images.Single(i => i.Header.Id == bad.Id).Notes, n => n.Kind == NoteKind.Damaged);
        }
    }

    [Fact]
    public async Task What_is_remembered_is_believed_only_when_it_is_ours()
    {
        await using var unit = await ManyPacksAsync();
        var options = new VerifyOptions { Keys = unit.Keys, Remember = true, OlderThan = TimeSpan.FromDays(30) };
        await UnitVerify.RunAsync(unit.Unit, options, null, null, default);
        var file = Directory.EnumerateFiles(Path.Combine(unit.Directory, "checks")).Single();
        var bytes = await File.ReadAllBytesAsync(file);
        var random = new Random(3);
        for (var i = 0; i < 60; i++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(file, i % 3 == 0 ? bytes[..random.Next(bytes.Length)] : damaged);
            Assert.Equal(0, (await UnitVerify.RunAsync(unit.Unit, options with { Remember = false }, null, null, default)).Skipped);
        }
        await File.WriteAllBytesAsync(file, bytes);
        Assert.Equal(16, (await UnitVerify.RunAsync(unit.Unit, options with { Remember = false }, null, null, default)).Skipped);
    }

    private static async Task<VerifyReport> VerifyAsync(TestUnit unit, VerifyOptions options)
    {
        var report = await UnitVerify.RunAsync(unit.Unit, options, null, null, default);
        await VerifyNotes.WriteAsync(unit.Unit, options.Keys, report, unit.Random, default);
        return report;
    }

    private static List<string> Packs(TestUnit unit) => [.. Directory.EnumerateFiles(Path.Combine(unit.Directory, "packs"), "*", SearchOption.AllDirectories)];

    private static void Damage(TestUnit unit, string pack)
    {
        Assert.StartsWith(unit.Directory, pack, StringComparison.Ordinal);
        var bytes = File.ReadAllBytes(pack);
        bytes[PackFormat.HeaderSize + 100] ^= 1;
        File.WriteAllBytes(pack, bytes);
    }

    /// <summary>Eight images that share nothing, each in a pack of chunks and one of nodes.</summary>
    private static async Task<TestUnit> ManyPacksAsync()
    {
        var unit = await TestUnit.MakeAsync();
        for (var i = 0; i < 8; i++) await unit.BackupAsync(Disks.Make((1 << 20) + 512, seed: i, share: 1));
        return unit;
    }

    private sealed class Seen(Action<long> seen) : IProgress<long>
    {
        public void Report(long value) => seen(value);
    }
}
