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
            KillPoint.PlannedImported or KillPoint.DisksRestored or KillPoint.Realized => await KillRestoreAsync(point),
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
        or KillPoint.PreviousDestroyed or KillPoint.Merged or KillPoint.CommitPut || OwnerOf(point) == "primary";

    /// <summary>Returns how many images the killed job made.</summary>
    private async Task<int> KillBackupAsync(KillPoint point)
    {
        var role = OwnerOf(point);
        await site.WriteAsync();
        await site.StartAsync(role, point);
        var job = await site.QueueAsync();
        await site.DiesAsync(role, point);
        // The guest goes on, into whatever layers the dead process left.
        await site.WriteAsync();
        await site.StartAsync(role, null);
        var view = await site.FollowAsync(job ?? await site.NewestJobAsync());
        if (role == "primary") await site.RestoresIdenticalAsync(await site.EndsOkAsync([view]));
        else Assert.True(view.Job is { Outcome: JobOutcome.Failed, Trouble.NextStep.Length: > 0 }, $"{view.Job.Outcome}");
        return Commits(point) ? 1 : 0;
    }

    private async Task<int> KillRestoreAsync(KillPoint point)
    {
        var name = $"back-{Words.Of(point)}";
        var image = await site.BackUpAsync();
        await site.StartAsync("client", point);
        var job = await site.RestoreVmAsync(image, name);
        await site.DiesAsync("client", point);
        Assert.True(await site.IsOnHostAsync(name));
        await site.StartAsync("client", null);
        Assert.False(await site.IsOnHostAsync(name));
        Assert.Equal(JobOutcome.Failed, (await site.FollowAsync(job)).Job.Outcome);
        await site.CameBackAsync(image, name, await site.FollowAsync(await site.RestoreVmAsync(image, name)));
        return 1;
    }
}
