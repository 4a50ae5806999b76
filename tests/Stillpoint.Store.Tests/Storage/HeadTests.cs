using Stillpoint.Chunks;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A head that a unit has no more: what changed since, or that the unit knows of no such state.</summary>
public sealed class HeadTests
{
    [Fact]
    public async Task Every_earlier_head_is_found_and_what_is_new_and_gone_since_is_named()
    {
        await using var unit = await TestUnit.MakeAsync();
        var empty = await unit.Unit.HeadAsync(default);
        var first = await unit.BackupAsync(Disks.Make(1 << 20, seed: 1, share: 1));
        var one = await HeadAsync(unit);
        var second = await unit.BackupAsync(Disks.Make(1 << 20, seed: 2, share: 1));
        var two = await HeadAsync(unit);
        await unit.Unit.AnnotateAsync(second.Header.Id, NoteKind.Suspect, SealedBlob.Open("a missed write is suspected"), default);
        var noted = await HeadAsync(unit);
        await Keeper.LockAsync(unit.Unit, second.Header.Id, unit.Time.GetUtcNow().AddDays(1), default);
        var locked = await HeadAsync(unit);
        await Keeper.ExpireAsync(unit.Unit, first.Header.Id, null, default);
        var given = await HeadAsync(unit);
        await unit.ReopenAsync();
        Assert.Equal(given, await unit.Unit.HeadAsync(default));
        Assert.Equal(6, new[] { empty, one, two, noted, locked, given }.Distinct().Count());

        foreach (var (head, images, notes) in new[] { (empty, 1, 2), (one, 1, 2), (two, 0, 2), (noted, 0, 1), (locked, 0, 0) })
        {
            var change = (await unit.Unit.SinceHeadAsync(head, default))!;
            Assert.Equal((images, notes), (change.NewImages.Count, change.NewNotes.Count));
            Assert.Equal(first.Header.Id, Assert.Single(change.GivenUp));
        }
        Assert.Equal(second.Header.Id, Assert.Single((await unit.Unit.SinceHeadAsync(one, default))!.NewImages));
        Assert.Contains($"{second.Header.Id:N}", Assert.Single((await unit.Unit.SinceHeadAsync(noted, default))!.NewNotes), StringComparison.Ordinal);
        Assert.Null(await unit.Unit.SinceHeadAsync(new string('a', 64), default));
    }

    [Fact]
    public async Task A_unit_that_was_rolled_back_knows_nothing_of_the_head_that_it_had()
    {
        await using var unit = await TestUnit.MakeAsync();
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 1, share: 1));
        var before = Directory.EnumerateFiles(unit.Directory, "*", SearchOption.AllDirectories).ToHashSet();
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 2, share: 1));
        var head = await unit.Unit.HeadAsync(default);
        foreach (var file in Directory.EnumerateFiles(unit.Directory, "*", SearchOption.AllDirectories).Where(f => !before.Contains(f)).ToList()) File.Delete(file);
        await unit.ReopenAsync();
        Assert.Single((await unit.Unit.ListImagesAsync(default)).Images);
        Assert.Null(await unit.Unit.SinceHeadAsync(head, default));
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 3, share: 1));
        Assert.Null(await unit.Unit.SinceHeadAsync(head, default));
    }

    private static async Task<string> HeadAsync(TestUnit unit)
    {
        unit.Time.Advance(TimeSpan.FromMinutes(1));
        return await unit.Unit.HeadAsync(default);
    }
}
