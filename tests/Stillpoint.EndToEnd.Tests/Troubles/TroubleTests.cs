using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>
/// Trouble × what a person is told and what stays: the phase, the culprit and the next step in the REST interface and on the command line, the
/// outcome and the exit code, committed images untouched, nothing of ours left on the host, and the next run well and its bytes right.
/// </summary>
[Collection(OnTheStandingSite.Name)]
[Trait("Kind", "Slow")]
public sealed class TroubleTests(StandingSite site)
{
    private const long Written = 6 << 20;

    public static TheoryData<string> Names => [.. TroubleTable.Rows.Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public Task Is_told_and_clears_up(string name) => RunAsync(TroubleTable.Rows.Single(r => r.Name == name), site.Site.UnitFolder);

    [Fact]
    public async Task Storage_unit_full_is_told_and_clears_up()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "mounting a small volume needs root on Linux");
        var folder = Path.Combine(site.Root, "tiny");
        Directory.CreateDirectory(folder);
        await CommandLine.MustAsync("mount", "-t", "tmpfs", "-o", "size=21m", "stillpoint-tiny", folder);
        try
        {
            await site.Site.Api.Post<StorageUnitView>("storage-units", new StorageUnitRequest("tiny", Demo.Site.MediaName, folder), StandingSite.Cancel);
            await site.PolicyAsync("till", ["till"], unit: "tiny");
            await RunAsync(new TroubleRow("storage unit full", Phase.Transfer, "storage unit tiny", "full", "free space")
            {
                Policy = "till",
                Vm = "till",
                NextVm = "till",
                Break = s => s.Lab.WriteAsync("till", 24 << 20, 77, StandingSite.Cancel),
                Mend = _ => CommandLine.MustAsync("mount", "-o", "remount,size=256m", folder),
            }, folder);
        }
        finally
        {
            // The media server holds files in it until it ends.
            await CommandLine.RunAsync("umount", "--lazy", folder);
        }
    }

    private async Task RunAsync(TroubleRow row, string unitFolder)
    {
        await site.PolicyAsync("app", ["app"]);
        if ((await VmAsync(row)).ReferencePoints.Count == 0) await site.BackupAsync(row.NextVm, "full", row.NextVm);
        await site.Lab.WriteAsync(row.NextVm, Written, seed: row.Name.Length, StandingSite.Cancel);
        var images = StandingSite.ImagesIn(unitFolder);
        var points = (await VmAsync(row)).ReferencePoints;

        await row.Break(site);
        try
        {
            var meanwhile = row.Meanwhile(site);
            var said = await site.CliAsync("policy", "run", row.Policy, "--schedule", row.Schedule, "--wait");
            await meanwhile;
            AssertTold(row, await site.NewestJobAsync(row.Policy, row.Vm), said);
        }
        finally
        {
            // Also after a failed assertion: the next row finds a sound site.
            await row.Mend(site);
        }
        await site.AssertFaultsFiredAsync();
        AssertUntouched(row, images, StandingSite.ImagesIn(unitFolder));
        if (row.Outcome == JobOutcome.Failed && row.NewImages == 0)
        {
            await AssertNothingLeftAsync(row);
            Assert.Equal(points, (await VmAsync(row)).ReferencePoints);
        }

        var (_, next) = await site.BackupAsync(row.Policy, "inc", row.NextVm);
        Assert.Equal(ImageType.DifferentialIncremental, next.Type);
        await AssertNothingLeftAsync(row);
        await site.AssertRestoresAsync(next);
    }

    /// <summary>Phase, culprit, what happened and what to do, in the job and in what the command prints.</summary>
    private static void AssertTold(TroubleRow row, JobView view, Said said)
    {
        var job = view.Job;
        Assert.True(job.Outcome == row.Outcome, $"{row.Name}: the job ended {job.Outcome}: {job.Trouble} {string.Join(' ', job.Warnings)}\n{said.All}");
        Assert.True(said.ExitCode == row.ExitCode, $"{row.Name}: exit code {said.ExitCode}\n{said.All}");
        if (row.Outcome == JobOutcome.Partial)
        {
            Assert.Null(job.Trouble);
            Assert.Equal(PhaseOutcome.Warning, Assert.Single(view.Phases, p => p.Phase == row.Phase).Outcome);
            var warning = Assert.Single(job.Warnings);
            AssertSays(row, warning, row.Culprit, row.Message, row.Next);
            AssertSays(row, said.Out, row.Culprit, row.Message, row.Next);
            return;
        }
        var trouble = job.Trouble!;
        Assert.True(trouble.Phase == row.Phase, $"{row.Name}: {trouble}");
        AssertSays(row, $"[{trouble.Culprit}] {trouble}", row.Culprit, row.Message, row.Next);
        Assert.True(trouble.Culprit.Contains(row.Culprit, StringComparison.Ordinal), $"{row.Name} blames {trouble.Culprit}");
        Assert.True(trouble.NextStep.Contains(row.Next, StringComparison.OrdinalIgnoreCase), $"{row.Name} says next: {trouble.NextStep}");
        if (view.Phases.Count > 0) Assert.Equal(PhaseOutcome.Failed, view.Phases[^1].Outcome);
        AssertSays(row, said.Out, Words.Of(row.Phase) + ": ", trouble.Culprit, trouble.Message, "Next: " + trouble.NextStep);
    }

    private static void AssertSays(TroubleRow row, string text, params string[] parts)
    {
        foreach (var part in parts)
            Assert.True(text.Contains(part, StringComparison.OrdinalIgnoreCase), $"{row.Name}: '{part}' is not said in: {text}");
    }

    private static void AssertUntouched(TroubleRow row, SortedDictionary<string, string> before, SortedDictionary<string, string> after)
    {
        foreach (var (file, hash) in before) Assert.Equal(hash, after.GetValueOrDefault(file));
        Assert.Equal(before.Count + row.NewImages, after.Count);
    }

    /// <summary>No checkpoint for a backup (what people took is theirs), one reference point at most, no planned VM, nothing unmerged.</summary>
    private async Task AssertNothingLeftAsync(TroubleRow row)
    {
        var vm = await VmAsync(row);
        for (var tries = 100; vm.Merging && tries > 0; tries--)
        {
            await Task.Delay(100, StandingSite.Cancel);
            vm = await VmAsync(row);
        }
        Assert.DoesNotContain(vm.Checkpoints, c => c.Kind == "recovery");
        Assert.Single(vm.ReferencePoints);
        Assert.False(vm.Merging);
        Assert.DoesNotContain(await site.Lab.VmsAsync(StandingSite.Cancel), v => v.Planned);
    }

    private Task<Demo.LabVm> VmAsync(TroubleRow row) => site.Lab.VmAsync(row.NextVm, StandingSite.Cancel);
}
