using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>What a collect takes away, and what it leaves.</summary>
public sealed class CollectTests
{
    private static readonly CollectOptions s_options = new();

    [Fact]
    public async Task What_no_image_needs_goes_and_the_rest_restores()
    {
        await using var unit = await TestUnit.MakeAsync();
        var first = Disks.Make(4 << 20, seed: 1);
        var second = (byte[])first.Clone();
        Disks.Fill(second.AsSpan(1 << 20, 2 << 20), new Random(2));
        var one = await unit.BackupAsync(first);
        var two = await unit.BackupAsync(second);
        var before = await unit.Unit.StatsAsync(default);
        Assert.Equal(0, (await CollectAsync(unit)).PacksDeleted);

        await Keeper.ExpireAsync(unit.Unit, one.Header.Id, null, default);
        Assert.Equal(two.Header.Id, Assert.Single((await unit.Unit.ListImagesAsync(default)).Images).Header.Id);
        var report = await CollectAsync(unit);
        Assert.True(report.Finished);
        Assert.Equal(1, report.ImagesRemoved);
        Assert.True(report.BytesFreed > 400_000, $"{report}");
        var after = await unit.Unit.StatsAsync(default);
        Assert.Equal(before.DataBytes + before.NodeBytes - report.BytesFreed, after.DataBytes + after.NodeBytes);
        Assert.Equal(second, await unit.RestoreAsync(two));
        await SoundAsync(unit, images: 1);
        Assert.Equal(0, (await CollectAsync(unit)).PacksDeleted);
        Assert.Empty(await unit.Unit.Volume.ListAsync("condemned/", default));
        Assert.Single(await unit.Unit.Volume.ListAsync("images/", default));
        Assert.Empty(await unit.Unit.Volume.ListAsync("sessions/", default));
        Assert.Empty(await unit.Unit.Volume.ListAsync("leases/", default));
        Assert.Equal(2, (await unit.Unit.Volume.ListAsync("ends/", default)).Count);
    }

    [Fact]
    public async Task All_given_up_leaves_nothing_but_ends_and_keepings()
    {
        await using var unit = await TestUnit.MakeAsync();
        var image = await unit.BackupAsync(Disks.Make(2 << 20, seed: 3));
        await Keeper.ExpireAsync(unit.Unit, image.Header.Id, null, default);
        await CollectAsync(unit);
        Assert.Empty(await unit.Unit.Volume.ListAsync("packs/", default));
        Assert.Empty(await unit.Unit.Volume.ListAsync("images/", default));
        Assert.Empty((await unit.Unit.ListImagesAsync(default)).Damaged);
        var again = await unit.BackupAsync(Disks.Make(2 << 20, seed: 3));
        Assert.Equal(Disks.Make(2 << 20, seed: 3), await unit.RestoreAsync(again));
        await SoundAsync(unit, images: 1);
    }

    [Fact]
    public async Task A_reader_that_began_before_goes_on_in_the_copies()
    {
        await using var unit = await TestUnit.MakeAsync();
        var first = Disks.Make(4 << 20, seed: 1, share: 1);
        var second = (byte[])first.Clone();
        Disks.Fill(second.AsSpan(0, 3 << 20), new Random(2));
        var one = await unit.BackupAsync(first);
        var two = await unit.BackupAsync(second);
        // Another process reads: its index is of before.
        await using var other = await StorageUnit.OpenInAsync(unit.Directory, unit.Environment, default);
        await using var reader = await other.OpenReaderAsync(new ReaderScope(unit.Keys.Domain), default);
        await Keeper.ExpireAsync(unit.Unit, one.Header.Id, null, default);
        Assert.True((await CollectAsync(unit)).PacksRewritten > 0);
        using var opener = new RecordOpener(unit.Keys);
        var target = new MemoryTarget(second.Length);
        await DiskDownload.RunAsync(reader, opener, two.Header.Streams[0], target, null, default);
        Assert.Equal(second, target.Bytes);
    }

    [Fact]
    public async Task An_open_session_keeps_what_it_sent_and_what_it_built_on()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(4 << 20, seed: 5);
        var gone = await unit.BackupAsync(disk);
        await using var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default);
        using var session = new UploadSession(writer, unit.Keys, unit.Random);
        await Keeper.ExpireAsync(unit.Unit, gone.Header.Id, null, default);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(disk)), null, default);
        // The session sent nothing: all of it was there.
        Assert.Equal(0, stream.BytesSent);
        var collecting = CollectAsync(unit, wait: TimeSpan.Zero);
        Assert.False((await collecting).Finished);
        Assert.Single(await unit.Unit.Volume.ListAsync("condemned/", default), e => !e.Name.Contains('.', StringComparison.Ordinal));
        var header = new ImageHeader(unit.NewId(), unit.Keys.Domain, unit.Vm, unit.NewId(), unit.Time.GetUtcNow(), ImageType.Full, Consistency.Off, null, [stream]);
        await writer.CommitAsync(header, ImageDetailsCodec.Seal(unit.Keys, header, TestUnit.Details("web", disk.Length), unit.Random), session.Totals, default);
        var report = await CollectAsync(unit);
        Assert.True(report.Finished);
        Assert.Equal(0, report.PacksDeleted);
        Assert.Equal(disk, await unit.RestoreAsync((await unit.Unit.ListImagesAsync(default)).Images.Single()));
        await SoundAsync(unit, images: 1);
    }

    [Fact]
    public async Task A_session_after_the_round_does_not_build_on_condemned_packs()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(4 << 20, seed: 6);
        var gone = await unit.BackupAsync(disk);
        await Keeper.ExpireAsync(unit.Unit, gone.Header.Id, null, default);
        await using (await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default)) Assert.False((await CollectAsync(unit, wait: TimeSpan.Zero)).Finished);
        var again = await unit.BackupAsync(disk);
        Assert.True(again.Header.Streams[0].BytesSent > 0);
        var report = await CollectAsync(unit);
        Assert.True(report.PacksDeleted > 0);
        Assert.Equal(disk, await unit.RestoreAsync(again));
        await SoundAsync(unit, images: 1);
    }

    [Fact]
    public async Task A_session_whose_lease_stands_still_is_fenced_and_cannot_commit()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(2 << 20, seed: 7);
        // A writer in a process that is stopped: its clock, and so its lease, stands still.
        var asleep = unit.Environment with { Time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(unit.Time.GetUtcNow()) };
        await using var other = await StorageUnit.OpenInAsync(unit.Directory, asleep, default);
        await using var writer = await other.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default);
        using var session = new UploadSession(writer, unit.Keys, unit.Random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(new MemorySource(disk)), null, default);
        await writer.FlushAsync(default);
        var report = await CollectAsync(unit);
        Assert.Equal(1, report.SessionsFenced);
        Assert.True(report.PacksDeleted > 0);
        var header = new ImageHeader(unit.NewId(), unit.Keys.Domain, unit.Vm, unit.NewId(), unit.Time.GetUtcNow(), ImageType.Full, Consistency.Off, null, [stream]);
        var details = ImageDetailsCodec.Seal(unit.Keys, header, TestUnit.Details("web", disk.Length), unit.Random);
        await Assert.ThrowsAsync<TroubleException>(() => writer.CommitAsync(header, details, session.Totals, default));
        Assert.Empty((await unit.Unit.ListImagesAsync(default)).Images);
        await unit.BackupAsync(disk);
        await SoundAsync(unit, images: 1);
    }

    [Fact]
    public async Task A_session_that_renews_its_lease_is_waited_for()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(2 << 20, seed: 8);
        var gone = await unit.BackupAsync(disk);
        await Keeper.ExpireAsync(unit.Unit, gone.Header.Id, null, default);
        await using (await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default))
            Assert.False((await CollectAsync(unit, wait: TimeSpan.FromHours(3))).Finished);
        Assert.True((await CollectAsync(unit)).Finished);
    }

    internal static async Task<CollectReport> CollectAsync(TestUnit unit, TimeSpan? wait = null)
    {
        // Another process: it knows nothing but what lies in the unit. Its waits pass on the test's clock.
        await using var other = await StorageUnit.OpenInAsync(unit.Directory, unit.Environment, default);
        var collect = Collector.RunAsync(other, wait is null ? s_options : s_options with { MostWait = wait }, null, default);
        while (!collect.IsCompleted)
        {
            unit.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        return await collect;
    }

    /// <summary>It holds no round up, so no round would ever find it dead.</summary>
    [Fact]
    public async Task A_session_that_died_before_its_first_pack_leaves_nothing()
    {
        await using var unit = await TestUnit.MakeAsync();
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 1, share: 1));
        var dead = Path.Combine(unit.Directory, "sessions", unit.NewId().ToString("N"));
        await File.WriteAllBytesAsync(dead, new byte[66]);
        var report = await CollectAsync(unit);
        Assert.True(report.Finished && report.SessionsFenced == 1, $"{report}");
        Assert.False(File.Exists(dead));
        await SoundAsync(unit, images: 1);
    }

    private static async Task SoundAsync(TestUnit unit, int images)
    {
        var report = await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default);
        Assert.Empty(report.Damage);
        Assert.Equal(images, report.Images.Count);
    }
}
