using System.Text.Json;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>
/// Every role is killed at each of its kill points and started again. Whatever the moment: no image that was committed is lost or touched,
/// nothing of ours stays on the host and nothing of another product is taken away, and the next backup is an incremental that restores
/// byte for byte.
/// </summary>
[Trait("Kind", "Slow")]
[TestCaseOrderer(typeof(WholeUnitLast))]
public sealed class KillMatrixTests(KillSite site) : IClassFixture<KillSite>
{
    /// <summary>All points that the product names: a new one is in the matrix by being named.</summary>
    public static TheoryData<KillPoint> Points => [.. Enum.GetValues<KillPoint>()];

    [Theory]
    [MemberData(nameof(Points))]
    public async Task Killed_and_started_again_nothing_is_lost_and_nothing_is_left(KillPoint point)
    {
        var images = await site.ImagesAsync();
        var unit = new UnitFiles(site.Site.UnitFolder);

        var also = point switch
        {
            KillPoint.PlannedImported or KillPoint.DisksRestored or KillPoint.Realized or KillPoint.RestoreKept => await KillRestoreAsync(point),
            KillPoint.RolledBack => await KillRollbackAsync(point),
            _ => await KillBackupAsync(point),
        };
        var next = await site.BackUpAsync();

        Assert.Equal(ImageType.DifferentialIncremental, next.Type);
        Assert.All(next.Disks, d => Assert.Null(d.FullReason));
        await site.HostIsClearAsync();
        await site.RestoresIdenticalAsync(next);
        var after = await site.ImagesAsync(images.Count + also + 1);
        Assert.Subset(after.ToHashSet(), images.ToHashSet());
        Assert.Contains(next.Id, after);
        Assert.Empty(unit.LostIn(new UnitFiles(site.Site.UnitFolder)));
    }

    /// <summary>The other intents: before the conversion, before a restore's files, before its import.</summary>
    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    public async Task Killed_right_after_a_later_intent(bool restore, int nth)
    {
        var images = await site.ImagesAsync();
        if (restore) await KillRestoreAsync(KillPoint.IntentRecorded, nth);
        else await KillBackupAsync(KillPoint.IntentRecorded, nth);
        var next = await site.BackUpAsync();
        Assert.Equal(ImageType.DifferentialIncremental, next.Type);
        await site.HostIsClearAsync();
        await site.RestoresIdenticalAsync(next);
        await site.ImagesAsync(images.Count + 2);
    }

    [Fact]
    public async Task The_unit_is_whole_at_the_end()
    {
        var catalog = await site.ImagesAsync();
        var (listed, output) = await KillSite.RunAsync("store", "images", site.Site.UnitFolder, "--output", "json");
        Assert.True(listed == 0, output);
        Assert.Equal(catalog, JsonDocument.Parse(output).RootElement.EnumerateArray().Select(i => i.GetProperty("id").GetGuid()).Order());
        var (verified, report) = await KillSite.RunAsync("store", "verify", site.Site.UnitFolder, "--key-file", site.Site.KeyFile);
        Assert.True(verified == 0, report);
    }

    /// <summary>The role that reaches a point.</summary>
    private static string OwnerOf(KillPoint point) => point switch
    {
        KillPoint.SessionOpened or KillPoint.PackDurable or KillPoint.CommitPut => "media",
        KillPoint.JobQueued or KillPoint.JobDispatched or KillPoint.OutcomeReceived => "primary",
        _ => "client",
    };

    /// <summary>True where the image was committed before the role died.</summary>
    private static bool Commits(KillPoint point) => point is KillPoint.ImageCommitted or KillPoint.Converted or KillPoint.BaseNoteWritten
        or KillPoint.PreviousDestroyed or KillPoint.Merged or KillPoint.ReportKept or KillPoint.CommitPut || OwnerOf(point) == "primary";

    /// <summary>Returns how many images the killed job made.</summary>
    private async Task<int> KillBackupAsync(KillPoint point, int nth = 1)
    {
        var role = OwnerOf(point);
        await site.WriteAsync();
        await site.StartAsync(role, point, nth);
        var job = await site.QueueAsync();
        await site.DiesAsync(role, point);
        // The guest goes on, into whatever layers the dead process left.
        await site.WriteAsync();
        await site.StartAsync(role, null);
        var view = await site.FollowAsync(job ?? await site.NewestJobAsync());
        // What the primary server knew, or the client had written down to tell it, stands.
        if (role == "primary" || point == KillPoint.ReportKept) await site.RestoresIdenticalAsync(await site.EndsOkAsync([view]));
        else Assert.True(view.Job is { Outcome: JobOutcome.Failed, Trouble.NextStep.Length: > 0 }, $"{view.Job.Outcome}");
        return Commits(point) ? 1 : 0;
    }

    /// <summary>A rollback that died when all was written: the next start takes it back, and run again it ends well.</summary>
    private async Task<int> KillRollbackAsync(KillPoint point)
    {
        var image = await site.BackUpAloneAsync(KillSite.Alone);
        await site.Site.Lab.StateAsync(KillSite.Alone, "off", KillSite.Cancel);
        await site.StartAsync("client", point);
        var job = await site.RollBackAsync(image);
        await site.DiesAsync("client", point);
        Assert.Single((await site.Site.Lab.VmAsync(KillSite.Alone, KillSite.Cancel)).Checkpoints);
        await site.StartAsync("client", null);
        Assert.Empty((await site.MergedAsync(KillSite.Alone)).Checkpoints);
        Assert.Equal(JobOutcome.Failed, (await site.FollowAsync(job)).Job.Outcome);
        var again = await site.FollowAsync(await site.RollBackAsync(image));
        Assert.True(again.Job.Outcome == JobOutcome.Ok, $"{again.Job.Trouble}");
        Assert.Equal(Phases.Rollback, again.Phases.Select(p => p.Phase));
        await site.Site.Lab.StateAsync(KillSite.Alone, "running", KillSite.Cancel);
        return 1;
    }

    private async Task<int> KillRestoreAsync(KillPoint point, int nth = 1)
    {
        var name = $"back-{Words.Of(point)}-{nth}";
        var image = await site.BackUpAsync();
        await site.StartAsync("client", point, nth);
        var job = await site.RestoreVmAsync(image, name);
        await site.DiesAsync("client", point);
        // Only before the first file is written there is nothing to clear.
        Assert.Equal((point, nth) != (KillPoint.IntentRecorded, 1), await site.IsOnHostAsync(name));
        await site.StartAsync("client", null);
        Assert.Equal(point == KillPoint.RestoreKept, await site.IsOnHostAsync(name));
        Assert.Equal(JobOutcome.Failed, (await site.FollowAsync(job)).Job.Outcome);
        if (point != KillPoint.RestoreKept) Assert.Equal(JobOutcome.Ok, (await site.FollowAsync(await site.RestoreVmAsync(image, name))).Job.Outcome);
        await site.IsBackAsync(image, name);
        return 1;
    }
}
