using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>A guest that cannot be quiesced: an application-consistent policy says so and leaves nothing; one that may fall back does, and the
/// image says what it is.</summary>
[Collection(OnTheStandingSite.Name)]
[Trait("Kind", "Slow")]
public sealed class ConsistencyTests(StandingSite site)
{
    private const string Vm = "legacy";

    private static CancellationToken Cancel => StandingSite.Cancel;

    [Fact]
    public async Task Application_fails_clearly_and_leaves_nothing()
    {
        await site.PolicyAsync("legacy-application", [Vm], ConsistencyPolicy.Application);
        var images = StandingSite.ImagesIn(site.Site.UnitFolder);
        var points = (await site.Lab.VmAsync(Vm, Cancel)).ReferencePoints;

        var said = await site.CliAsync("policy", "run", "legacy-application", "--schedule", "full", "--wait");

        Assert.Equal(1, said.ExitCode);
        var view = await site.NewestJobAsync("legacy-application", Vm);
        Assert.Equal(JobOutcome.Failed, view.Job.Outcome);
        var trouble = view.Job.Trouble!;
        Assert.Equal(Phase.Checkpoint, trouble.Phase);
        Assert.Equal("VM legacy", trouble.Culprit);
        Assert.Contains("an application-consistent checkpoint", trouble.Message, StringComparison.Ordinal);
        Assert.Contains("could not be quiesced", trouble.Message, StringComparison.Ordinal);
        Assert.Contains("application-then-crash", trouble.NextStep, StringComparison.Ordinal);
        Assert.Contains(trouble.ToString(), said.Out, StringComparison.Ordinal);

        Assert.Equal(images, StandingSite.ImagesIn(site.Site.UnitFolder));
        var vm = await site.Lab.VmAsync(Vm, Cancel);
        Assert.Empty(vm.Checkpoints);
        Assert.Equal(points, vm.ReferencePoints);
        Assert.Equal("running", vm.State);
    }

    [Fact]
    public async Task Application_then_crash_succeeds_and_the_image_says_crash()
    {
        await site.PolicyAsync("legacy-fallback", [Vm], ConsistencyPolicy.ApplicationThenCrash);

        var (job, image) = await site.BackupAsync("legacy-fallback", "full", Vm);

        Assert.Equal(Consistency.Crash, image.Consistency);
        Assert.Contains("could not be quiesced", Assert.Single(job.Warnings), StringComparison.Ordinal);
        var view = await site.NewestJobAsync("legacy-fallback", Vm);
        Assert.Equal(PhaseOutcome.Warning, Assert.Single(view.Phases, p => p.Phase == Phase.Checkpoint).Outcome);
        var shown = await site.CliAsync("image", "show", image.Id.ToString());
        Assert.Equal(0, shown.ExitCode);
        Assert.Contains("crash", shown.Out, StringComparison.Ordinal);
        var offline = await site.CliAsync("store", "images", site.Site.UnitFolder, "--key-file", site.Site.KeyFile);
        Assert.Contains(offline.Out.Split('\n'), l => l.Contains(image.Id.ToString(), StringComparison.Ordinal) && l.Contains("crash", StringComparison.Ordinal));
        await site.AssertRestoresAsync(image);
    }
}
