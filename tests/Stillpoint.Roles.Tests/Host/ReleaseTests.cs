using Stillpoint.Client;
using Stillpoint.Lab;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>After the commit: merges that take their time, fail or were switched off; one reference point a VM; what is left and what is foreign.</summary>
public sealed class ReleaseTests
{
    [Fact]
    public async Task A_merge_that_takes_time_is_a_phase_of_its_own_with_progress()
    {
        await using var rig = await HostRig.StartAsync(o => o with { MergeDelay = TimeSpan.FromSeconds(1.5) }, s => s, HostRig.Vm("vm"));
        await rig.WriteAsync("vm");
        var report = await rig.BackupAsync(await rig.OrderAsync("vm"));
        Assert.Equal(Phases.Wmi, report.Phases.Select(p => p.Phase));
        Assert.Equal(("disks merged", PhaseOutcome.Ok), (report.Phases[^1].Detail, report.Phases[^1].Outcome));
        Assert.Equal("reference point kept", report.Phases[^2].Detail);
        Assert.Contains(rig.Primary.Phases, p => p.Phase.Phase == Phase.Merge && p.Phase.Detail.EndsWith(" %", StringComparison.Ordinal));
        Assert.Equal(JobOutcome.Ok, report.Outcome);
    }

    [Fact]
    public async Task A_merge_that_does_not_end_in_time_is_a_warning()
    {
        await using var rig = await HostRig.StartAsync(
            o => o with { MergeDelay = TimeSpan.FromSeconds(30) }, s => s with { MergeLimit = TimeSpan.FromMilliseconds(100) }, HostRig.Vm("vm"));
        var report = await rig.BackupAsync(await rig.OrderAsync("vm"));
        Assert.Equal((JobOutcome.Partial, PhaseOutcome.Warning), (report.Outcome, report.Phases[^1].Outcome));
        Assert.Contains("had not merged", Assert.Single(report.Warnings), StringComparison.Ordinal);
        Assert.True(HostRig.Good(report).HasBaseNote);
    }

    [Fact]
    public async Task A_merge_that_the_host_gives_up_is_told_in_its_words_and_the_next_run_is_well()
    {
        await using var rig = await HostRig.StartAsync(HostRig.Vm("vm"));
        await rig.FaultAsync("merge-fails", "vm");
        var report = await rig.BackupAsync(await rig.OrderAsync("vm"));
        Assert.Equal(JobOutcome.Partial, report.Outcome);
        Assert.Contains("0x80070020", Assert.Single(report.Warnings), StringComparison.Ordinal);
        await rig.AssertFaultsFiredAsync();

        await rig.WriteAsync("vm", seed: 3);
        var next = await rig.BackupAsync(await rig.OrderAsync("vm"));
        await rig.AssertRestoresAsync(HostRig.Good(next));
        await rig.MergedAsync("vm");
    }

    [Fact]
    public async Task Merging_that_an_export_switched_off_is_switched_on()
    {
        await using var rig = await HostRig.StartAsync(HostRig.Vm("vm"));
        await rig.ControlAsync("disable-merging", new { vm = "vm" });
        var report = await rig.BackupAsync(await rig.OrderAsync("vm"));
        Assert.Equal((JobOutcome.Ok, "disks merged"), (report.Outcome, report.Phases[^1].Detail));
        Assert.False(await rig.Host.IsMergingDisabledAsync((await rig.VmAsync("vm")).Id, default));
        Assert.Contains(rig.Primary.Log, l => l.Line.Contains("switched on again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Cumulative_incrementals_unite_what_is_stored_and_need_one_reference_point()
    {
        await using var rig = await HostRig.StartAsync(HostRig.Vm("vm"));
        await rig.WriteAsync("vm", seed: 1);
        await rig.BackupAsync("vm", ImageType.Full);
        var changed = 0L;
        for (var i = 0; i < 3; i++)
        {
            await rig.WriteAsync("vm", seed: 10 + i);
            var image = await rig.BackupAsync("vm", ImageType.CumulativeIncremental);
            Assert.Equal(ImageType.CumulativeIncremental, image.Type);
            Assert.True(image.Disks[0].BytesChanged > changed, $"cumulative {i} changed {image.Disks[0].BytesChanged}, the one before {changed}");
            changed = image.Disks[0].BytesChanged;
            await rig.AssertRestoresAsync(image);
            Assert.Single(await rig.Host.ListReferencePointsAsync(image.VmId, default));
        }
        await rig.WriteAsync("vm", seed: 20);
        var differential = await rig.BackupAsync("vm");
        Assert.True(differential.Disks[0].BytesChanged < changed);
        await rig.AssertRestoresAsync(differential);
    }

    [Fact]
    public async Task A_sweep_clears_what_is_ours_and_tells_of_the_rest()
    {
        await using var rig = await HostRig.StartAsync(HostRig.Vm("vm"), HostRig.Vm("other"));
        var vm = await rig.VmAsync("vm");
        var job = rig.NewId();
        var left = await rig.Host.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.Copy, default);
        await rig.Host.RenameCheckpointAsync(left.Id, Ours.CheckpointName(job), default);
        var intent = new Intent(rig.NewId(), job, vm.Id, HostCall.CreateSnapshot, [], left.Id, TimeProvider.System.GetUtcNow());
        await rig.ControlAsync("foreign", new { vm = "other", kind = "recovery-checkpoint" });
        await rig.ControlAsync("foreign", new { vm = "vm", kind = "reference-point" });
        await rig.ControlAsync("foreign", new { vm = "vm", kind = "reference-point" });

        var report = await rig.Client.Sweep([intent]);
        Assert.Contains(left.Id, Assert.Single(report.Cleared), StringComparison.Ordinal);
        Assert.Equal(2, report.Foreign.Count);
        Assert.Contains(report.Foreign, f => f.Contains("VM other", StringComparison.Ordinal) && f.Contains("none of ours", StringComparison.Ordinal));
        Assert.Contains(report.Foreign, f => f.Contains("2 reference points", StringComparison.Ordinal));
        Assert.Empty((await rig.VmAsync("vm")).Checkpoints);
        Assert.Single((await rig.VmAsync("other")).Checkpoints);
        Assert.Equal(2, (await rig.Host.ListReferencePointsAsync(vm.Id, default)).Count);

        await rig.MergedAsync("vm");
        Assert.Empty((await rig.Client.Sweep([intent])).Cleared); // a second sweep finds nothing more
    }
}
