using NSec.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Holds, locks, retention plans, and units that delete only by signed plans.</summary>
public sealed class KeepingTests
{
    private static readonly RetentionPolicy s_last = new(Last: 1);

    [Fact]
    public async Task A_held_image_stays_until_it_is_released()
    {
        await using var unit = await TestUnit.MakeAsync();
        var old = await unit.BackupAsync(Disks.Make(1 << 20, seed: 1));
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 2));
        await Keeper.HoldAsync(unit.Unit, old.Header.Id, null, default);
        await RefusedAsync(() => Keeper.ExpireAsync(unit.Unit, old.Header.Id, null, default), "held");
        Assert.Contains("--release", await NextAsync(old), StringComparison.Ordinal);
        Assert.Empty((await Pruner.PlanAsync(unit.Unit, s_last, null, null, default)).Going);
        Assert.False((await Keeper.ReleaseAsync(unit.Unit, old.Header.Id, default)).Held);
        var plan = await Pruner.PlanAsync(unit.Unit, s_last, null, null, default);
        Assert.Equal([old.Header.Id], await Pruner.ExecuteAsync(unit.Unit, plan, null, null, default));
        await RefusedAsync(() => Keeper.HoldAsync(unit.Unit, old.Header.Id, null, default), "no image");

        // Of a hold nothing is said where a lock alone is in the way.
        var locked = await unit.BackupAsync(Disks.Make(1 << 20, seed: 3));
        await Keeper.LockAsync(unit.Unit, locked.Header.Id, unit.Time.GetUtcNow().AddDays(3), default);
        Assert.DoesNotContain("hold", await NextAsync(locked), StringComparison.Ordinal);

        async Task<string> NextAsync(StoredImage image) => (await Assert.ThrowsAsync<TroubleException>(
            () => Keeper.ExpireAsync(unit.Unit, image.Header.Id, null, default))).Trouble.NextStep;
    }

    [Fact]
    public async Task A_hold_after_the_plan_is_respected_and_a_kept_image_that_went_outdates_it()
    {
        await using var unit = await TestUnit.MakeAsync();
        var images = new List<StoredImage>();
        for (var seed = 1; seed <= 3; seed++) images.Add(await unit.BackupAsync(Disks.Make(1 << 20, seed)));
        var plan = await Pruner.PlanAsync(unit.Unit, s_last, null, null, default);
        await Keeper.HoldAsync(unit.Unit, images[0].Header.Id, null, default);
        Assert.Equal([images[1].Header.Id], await Pruner.ExecuteAsync(unit.Unit, plan, null, null, default));
        var second = await Pruner.PlanAsync(unit.Unit, s_last, null, null, default);
        await Keeper.ExpireAsync(unit.Unit, images[2].Header.Id, null, default);
        await RefusedAsync(() => Pruner.ExecuteAsync(unit.Unit, second, null, null, default), "outdated");
    }

    [Fact]
    public async Task A_clock_that_jumps_ends_no_lock_and_days_of_backups_do()
    {
        await using var unit = await TestUnit.MakeAsync();
        var locked = await unit.BackupAsync(Disks.Make(1 << 20, seed: 1));
        var until = unit.Time.GetUtcNow().AddDays(40);
        await Keeper.LockAsync(unit.Unit, locked.Header.Id, until, default);
        Assert.Equal(until, (await Keeper.LockAsync(unit.Unit, locked.Header.Id, until.AddDays(-30), default)).LockedUntil);
        unit.Time.Advance(TimeSpan.FromDays(400));
        await RefusedAsync(() => Keeper.ExpireAsync(unit.Unit, locked.Header.Id, null, default), "locked");
        // A backup under the clock that jumped proves a month, not a year.
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 2));
        await RefusedAsync(() => Keeper.ExpireAsync(unit.Unit, locked.Header.Id, null, default), "locked");
        Assert.Empty((await Pruner.PlanAsync(unit.Unit, s_last, null, null, default)).Going);
        unit.Time.Advance(TimeSpan.FromDays(20));
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 3));
        await Keeper.ExpireAsync(unit.Unit, locked.Header.Id, null, default);
    }

    [Fact]
    public async Task Expiry_changes_the_head_and_collecting_does_not()
    {
        await using var unit = await TestUnit.MakeAsync();
        var one = await unit.BackupAsync(Disks.Make(1 << 20, seed: 1));
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 2));
        var before = await unit.Unit.HeadAsync(default);
        await Keeper.ExpireAsync(unit.Unit, one.Header.Id, null, default);
        var after = await unit.Unit.HeadAsync(default);
        Assert.NotEqual(before, after);
        Assert.True((await CollectTests.CollectAsync(unit)).PacksDeleted > 0);
        Assert.Equal(after, await unit.Unit.HeadAsync(default));
    }

    [Fact]
    public async Task A_suspect_image_fills_no_place()
    {
        await using var unit = await TestUnit.MakeAsync();
        var good = await unit.BackupAsync(Disks.Make(1 << 20, seed: 1));
        var bad = await unit.BackupAsync(Disks.Make(1 << 20, seed: 2));
        var note = NoteCodec.SealText(unit.Keys, bad.Header.Id, NoteKind.Suspect, "a write was missed", unit.Random);
        await unit.Unit.AnnotateAsync(bad.Header.Id, NoteKind.Suspect, note, default);
        var plan = await Pruner.PlanAsync(unit.Unit, s_last, null, null, default);
        Assert.Empty(plan.Going);
        Assert.Equal(good.Header.Id, Assert.Single(plan.Images, i => i.Counts).Id);
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 3));
        Assert.Equal(2, (await Pruner.PlanAsync(unit.Unit, s_last, null, null, default)).Going.Count());
    }

    /// <summary>A client that dates its image ahead, or backs up twice in one job, pushes nothing out.</summary>
    [Fact]
    public void Images_dated_ahead_and_the_second_of_a_job_fill_no_place()
    {
        var now = new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
        var ahead = Image(1, now.AddDays(-3), dated: now.AddYears(4));
        var (first, second) = (Image(2, now.AddDays(-2)), Image(3, now.AddDays(-1), job: 2));
        var plan = RetentionDecision.Decide([ahead, first, second], s_last, new Dictionary<Guid, string>(), now);
        Assert.Equal([second.Image.Header.Id, first.Image.Header.Id, ahead.Image.Header.Id], plan.Select(p => p.Id));
        // The newest is the second of its job: it stays, and the first of that job takes the place.
        Assert.Equal([(true, false), (true, true), (false, false)], plan.Select(p => (p.Stays, p.Counts)));
        // One that is damaged takes no place either; then the one dated ahead is the last that is sound, as old as its commit.
        var damaged = new Dictionary<Guid, string> { [first.Image.Header.Id] = ImageDoubt.Damaged };
        plan = RetentionDecision.Decide([ahead, first, second], new RetentionPolicy(Daily: 1), damaged, now);
        Assert.Equal([(true, false), (true, false), (true, true)], plan.Select(p => (p.Stays, p.Counts)));
        Assert.Contains("daily 2026-04-28", plan[2].Reasons);
    }

    [Fact]
    public void Each_rule_keeps_the_newest_of_its_periods()
    {
        var start = new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
        var images = Enumerable.Range(0, 100).Select(day => Image(day + 1, start.AddDays(day))).ToList();
        var policy = new RetentionPolicy(Last: 2, Daily: 3, Weekly: 2, Monthly: 3, Yearly: 5);
        var plan = RetentionDecision.Decide(images, policy, new Dictionary<Guid, string>(), start);
        var stays = plan.Where(p => p.Stays).Select(p => p.Created.ToString("MM-dd", null)).ToList();
        // 10 April is a Friday: three days, the weeks of 10 and 5 April, the ends of March and February, one year.
        Assert.Equal(["04-10", "04-09", "04-08", "04-05", "03-31", "02-28"], stays);
        Assert.Equal(100, plan.Count);
        Assert.Throws<TroubleException>(() => new RetentionPolicy().Check());
        Assert.Throws<TroubleException>(() => new RetentionPolicy(Last: -1, Daily: 2).Check());
    }

    [Fact]
    public async Task An_attached_unit_deletes_only_by_a_signed_plan()
    {
        await using var unit = await TestUnit.MakeAsync();
        using var key = Key.Create(SignatureAlgorithm.Ed25519);
        using var other = Key.Create(SignatureAlgorithm.Ed25519);
        var images = new List<StoredImage>();
        for (var seed = 1; seed <= 3; seed++) images.Add(await unit.BackupAsync(Disks.Make(1 << 20, seed)));
        var publicKey = key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
        await Attachment.AttachAsync(unit.Unit, publicKey, default);
        await Attachment.AttachAsync(unit.Unit, publicKey, default);
        await RefusedAsync(() => Attachment.AttachAsync(unit.Unit, other.PublicKey.Export(KeyBlobFormat.RawPublicKey), default), "another primary");
        var plan = await Pruner.PlanAsync(unit.Unit, new RetentionPolicy(Last: 2), null, null, default);
        await RefusedAsync(() => Pruner.ExecuteAsync(unit.Unit, plan, null, null, default), "signed");
        var forged = plan with { Signature = Sign(other, plan.SignedText()) };
        await RefusedAsync(() => Pruner.ExecuteAsync(unit.Unit, forged, null, null, default), "not signed");
        await RefusedAsync(() => Collector.RunAsync(unit.Unit, new CollectOptions(), null, default), "signed");
        await RefusedAsync(() => Keeper.ExpireAsync(unit.Unit, images[1].Header.Id, null, default), "signed");
        plan = plan with { Signature = Sign(key, plan.SignedText()) };
        Assert.Equal([images[0].Header.Id], await Pruner.ExecuteAsync(unit.Unit, plan, null, null, default));

        // A signed collect takes what it names and nothing that is given up later.
        var collect = await CollectPlans.MakeAsync(unit.Unit, default);
        collect = collect with { Signature = Sign(key, collect.SignedText()) };
        await Keeper.ExpireAsync(unit.Unit, images[1].Header.Id, new BreakGlass("a drill"), default);
        Assert.Equal("a drill", Assert.Single(await BreakGlass.ListAsync(unit.Unit, default)).Reason);
        Assert.Equal(1, (await Collector.RunAsync(unit.Unit, new CollectOptions(Plan: collect), null, default)).ImagesRemoved);
        var altered = new CollectOptions(Plan: collect with { Images = [images[1].Header.Id] });
        await RefusedAsync(() => Collector.RunAsync(unit.Unit, altered, null, default), "not signed");
        Assert.Equal(1, (await Collector.RunAsync(unit.Unit, new CollectOptions(Glass: new BreakGlass("space")), null, default)).ImagesRemoved);
        Assert.Empty((await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default)).Damage);
    }

    /// <summary>Whoever has the unit's files and a plan that its primary signed gains nothing by editing any field of it.</summary>
    [Fact]
    public async Task A_signed_plan_with_any_field_edited_is_refused()
    {
        await using var unit = await TestUnit.MakeAsync();
        using var key = Key.Create(SignatureAlgorithm.Ed25519);
        for (var seed = 1; seed <= 2; seed++) await unit.BackupAsync(Disks.Make(1 << 20, seed));
        await Attachment.AttachAsync(unit.Unit, key.PublicKey.Export(KeyBlobFormat.RawPublicKey), default);
        var plan = await Pruner.PlanAsync(unit.Unit, s_last, null, null, default);
        plan = plan with { Signature = Sign(key, plan.SignedText()) };
        var (stays, goes) = (Assert.Single(plan.Images, i => i.Stays), Assert.Single(plan.Going));
        Assert.True(stays.Counts);
        var tried = 0;
        await EachFieldAsync(plan, edited => RefusedAsync(edited, nameof(PrunePlan.Signature)));
        foreach (var image in plan.Images)
            await EachFieldAsync(image, edited => RefusedAsync(plan with { Images = [.. plan.Images.Select(i => i.Id == image.Id ? edited : i)] }, "image"));
        await EachFieldAsync(plan.Policy, edited => RefusedAsync(plan with { Policy = edited }, "policy"));
        foreach (var images in new PlannedImage[][] { [], [stays], [goes], [.. plan.Images, goes], [.. plan.Images, goes with { Id = unit.NewId() }] })
            await RefusedAsync(plan with { Images = images }, "images");
        foreach (var (s, c) in new[] { (false, true), (false, false), (true, false) })
            await RefusedAsync(plan with { Images = [stays with { Stays = s, Counts = c }, goes] }, "the image that stays");
        // Reasons are signed one by one, and a head takes no lines along.
        await RefusedAsync(plan with { Images = [stays with { Reasons = [.. stays.Reasons, ""] }, goes] }, "reasons");
        await RefusedAsync(plan with { Head = $"{plan.Head}\nmade 1" }, "head");
        // One that contradicts itself is refused even where it is signed.
        var odd = plan with { Images = [stays with { Stays = false }, goes] };
        await RefusedAsync(odd with { Signature = Sign(key, odd.SignedText()) }, "contradiction");
        Assert.Equal(6 + (2 * 6) + 6 + 5 + 3 + 2 + 1, tried);
        Assert.Equal(2, (await unit.Unit.ListImagesAsync(default)).Images.Count);
        Assert.Equal([goes.Id], await Pruner.ExecuteAsync(unit.Unit, plan, null, null, default));

        async Task RefusedAsync(PrunePlan edited, string what)
        {
            tried++;
            var refused = await Record.ExceptionAsync(() => Pruner.ExecuteAsync(unit.Unit, edited, null, null, default));
            Assert.True(refused is TroubleException, $"{what}: {refused}");
        }

        static async Task EachFieldAsync<T>(T whole, Func<T, Task> refused) where T : class
        {
            foreach (var parameter in typeof(T).GetConstructors().Single(c => c.GetParameters().Length > 1).GetParameters())
            {
                var edited = typeof(T).GetMethod("<Clone>$")!.Invoke(whole, [])!;
                var field = typeof(T).GetProperty(parameter.Name!)!;
                field.SetValue(edited, Other(field.GetValue(whole)));
                await refused((T)edited);
            }
        }

        static object? Other(object? value) => value switch
        {
            Guid id => new Guid([.. id.ToByteArray().Reverse()]),
            string text => (text[0] == '0' ? "1" : "0") + text[1..],
            DateTimeOffset time => time.AddTicks(1),
            bool flag => !flag,
            int number => number + 1,
            RetentionPolicy policy => policy with { Last = policy.Last + 1 },
            IReadOnlyList<string> reasons => (string[])[.. reasons.Select(r => r + "!")],
            IReadOnlyList<PlannedImage> images => (PlannedImage[])[.. images.Select(i => i with { Stays = !i.Stays })],
            _ => throw new ArgumentException($"{value} is of no kind that a plan holds"),
        };
    }

    [Fact]
    public async Task Only_its_primary_detaches_a_unit_and_only_as_it_is()
    {
        await using var unit = await TestUnit.MakeAsync();
        using var key = Key.Create(SignatureAlgorithm.Ed25519);
        using var other = Key.Create(SignatureAlgorithm.Ed25519);
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 1));
        await Attachment.AttachAsync(unit.Unit, key.PublicKey.Export(KeyBlobFormat.RawPublicKey), default);
        var order = new DetachOrder(unit.Unit.Parameters.UnitId, await unit.Unit.HeadAsync(default));
        await RefusedAsync(() => Attachment.DetachAsync(unit.Unit, order, default), "signed");
        await RefusedAsync(() => Attachment.DetachAsync(unit.Unit, order with { Signature = Sign(other, order.SignedText()) }, default), "not signed");
        var signed = order with { Signature = Sign(key, order.SignedText()) };
        await RefusedAsync(() => Attachment.DetachAsync(unit.Unit, signed with { Unit = unit.NewId() }, default), "is of storage unit");
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 2));
        await RefusedAsync(() => Attachment.DetachAsync(unit.Unit, signed, default), "has changed");
        var head = await unit.Unit.HeadAsync(default);
        await RefusedAsync(() => Attachment.DetachAsync(unit.Unit, signed with { Head = head }, default), "not signed");
        Assert.NotNull(await Attachment.KeyAsync(unit.Unit, default));

        order = order with { Head = head };
        await Attachment.DetachAsync(unit.Unit, order with { Signature = Sign(key, order.SignedText()) }, default);
        Assert.Null(await Attachment.KeyAsync(unit.Unit, default));
        await Attachment.AttachAsync(unit.Unit, other.PublicKey.Export(KeyBlobFormat.RawPublicKey), default);
    }

    private static string Sign(Key key, byte[] text) => Convert.ToBase64String(SignatureAlgorithm.Ed25519.Sign(key, text));

    private static CommittedImage Image(int number, DateTimeOffset at, DateTimeOffset? dated = null, int? job = null)
    {
        var id = new Guid(number, 0, 0, new byte[8]);
        var ofJob = job is { } j ? new Guid(j, 0, 0, new byte[8]) : id;
        var header = new ImageHeader(id, Guid.Empty, Guid.Empty, ofJob, dated ?? at, ImageType.Full, Consistency.Off, null, []);
        var image = new StoredImage(header, new SealedBlob(0, new byte[32], new byte[16]), []);
        return new CommittedImage(image, id, at.AddMinutes(5), ImageKeeping.None);
    }

    private static async Task RefusedAsync(Func<Task> call, string says) =>
        Assert.Contains(says, (await Assert.ThrowsAsync<TroubleException>(call)).Message, StringComparison.Ordinal);
}
