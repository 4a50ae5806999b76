using Stillpoint.HyperV;
using Stillpoint.Lab;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>A VM goes back to an image in place: only what differs is written, and what does not end is taken back wholly.</summary>
public sealed class RollbackTests
{
    private static readonly UserMachine s_vm = new("vm", [new UserDisk(Size: HostRig.DiskSize), new UserDisk(Size: HostRig.DiskSize)]);

    [Fact]
    public async Task A_vm_goes_back_to_any_image_and_its_next_backup_reads_in_full()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var (first, record) = await TwoBackupsAsync(rig);
        await rig.StateAsync("vm", "off");
        var before = await rig.VmAsync("vm");

        var report = await rig.RollbackAsync(first);
        Assert.True(report.Outcome == JobOutcome.Ok, $"{report.Trouble} {string.Join(' ', report.Warnings)}");
        Assert.Equal(Phases.Rollback, report.Phases.Select(p => p.Phase));
        Assert.Contains("differed", report.Phases.Single(p => p.Phase == Phase.Transfer).Detail, StringComparison.Ordinal);
        await rig.AssertHoldsAsync("vm", record);
        var after = await rig.VmAsync("vm");
        Assert.Equal((before.Id, VirtualMachineState.Off, 0), (after.Id, after.State, after.Checkpoints.Count));
        Assert.Equal(before.Disks.Select(d => d.Path), after.Disks.Select(d => d.Path));
        Assert.Empty(await rig.Host.ListReferencePointsAsync(after.Id, default));
        Assert.Empty(rig.Primary.Intents);

        await rig.StateAsync("vm", "running");
        await rig.WriteAsync("vm", seed: 77);
        var next = await rig.BackupAsync(await rig.OrderAsync("vm"));
        Assert.All(HostRig.Good(next).Disks, d => Assert.Equal(FullReadCause.BaseLost, d.FullCause));
        for (var i = 0; i < 2; i++) await rig.AssertRestoresAsync(next.Image!, i);
    }

    [Fact]
    public async Task Only_what_differs_is_written_and_the_vm_is_started_when_asked()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.WriteAsync("vm", bytes: 8 << 20);
        var image = await rig.BackupAsync("vm");
        await rig.WriteAsync("vm", seed: 6, bytes: 2 << 20);
        await rig.StateAsync("vm", "off");
        var report = await rig.RollbackAsync(image, start: true);
        Assert.Equal(JobOutcome.Ok, report.Outcome);
        Assert.Equal(VirtualMachineState.Running, (await rig.VmAsync("vm")).State);
        // Two MiB were written, in whole chunks not much more; the sizes of the disks play no part.
        Assert.Matches(@"^([1-9][0-9.]* KiB|[1-4](\.[0-9]+)? MiB) differed", report.Phases.Single(p => p.Phase == Phase.Transfer).Detail);
    }

    [Fact]
    public async Task A_rollback_that_is_cancelled_in_the_middle_is_undone_wholly()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var (first, _) = await TwoBackupsAsync(rig);
        var now = await rig.RecordAsync(first.VmId);
        await rig.StateAsync("vm", "off");
        rig.Primary.OnProgress = (job, _) => rig.Client.Cancel(job);

        var report = await rig.RollbackAsync(first);
        Assert.Equal(JobOutcome.Cancelled, report.Outcome);
        await rig.MergedAsync("vm");
        await rig.AssertHoldsAsync("vm", now);
        Assert.Empty((await rig.VmAsync("vm")).Checkpoints);
        Assert.Empty(rig.Primary.Intents);
    }

    [Fact]
    public async Task What_a_client_that_died_in_the_middle_left_is_undone_by_a_sweep()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var (first, _) = await TwoBackupsAsync(rig);
        var now = await rig.RecordAsync(first.VmId);
        await rig.StateAsync("vm", "off");
        var vm = await rig.VmAsync("vm");
        var checkpoint = await rig.Host.CreateCheckpointAsync(vm.Id, default);
        using (var half = rig.Files.OpenWritable((await rig.VmAsync("vm")).Disks[0].Path))
        {
            half.Write(3 << 20, new byte[] { 1, 2, 3 });
            half.Flush();
        }
        var intent = new Intent(rig.NewId(), rig.NewId(), vm.Id, HostCall.Rollback, [], checkpoint.Id, TimeProvider.System.GetUtcNow());

        // While the VM runs nothing is touched: people may be at work in it.
        await rig.ControlAsync("state", new { vm = "vm", state = "running" });
        Assert.Contains("could not undo", Assert.Single((await rig.Client.Sweep([intent])).Cleared), StringComparison.Ordinal);
        Assert.Single((await rig.VmAsync("vm")).Checkpoints);
        await rig.ControlAsync("state", new { vm = "vm", state = "off" });

        Assert.Contains("before a rollback", Assert.Single((await rig.Client.Sweep([intent])).Cleared), StringComparison.Ordinal);
        await rig.MergedAsync("vm");
        await rig.AssertHoldsAsync("vm", now);
        Assert.Empty((await rig.VmAsync("vm")).Checkpoints);
    }

    [Fact]
    public async Task A_vm_that_runs_or_has_another_disk_now_is_refused_and_left_as_it_is()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.WriteAsync("vm");
        var image = await rig.BackupAsync("vm");
        Assert.Contains("Turn the VM off", (await rig.RollbackAsync(image)).Trouble!.NextStep, StringComparison.Ordinal);
        await rig.StateAsync("vm", "off");
        await rig.ControlAsync("offline", new { vm = "vm", deed = "replace", disk = 1 });
        var refused = await rig.RollbackAsync(image);
        Assert.Equal(Phase.Preflight, refused.Trouble!.Phase);
        Assert.Contains("another disk", refused.Trouble.Message, StringComparison.Ordinal);
        Assert.Empty((await rig.VmAsync("vm")).Checkpoints);
        Assert.Single(await rig.Host.ListReferencePointsAsync(image.VmId, default));
    }

    [Fact]
    public async Task A_vm_with_a_checkpoint_of_a_person_goes_back_and_keeps_it()
    {
        await using var rig = await HostRig.StartAsync(s_vm with { UserCheckpoints = 1 });
        var (first, record) = await TwoBackupsAsync(rig);
        await rig.StateAsync("vm", "off");
        var report = await rig.RollbackAsync(first);
        Assert.True(report.Outcome == JobOutcome.Ok, $"{report.Trouble} {string.Join(' ', report.Warnings)}");
        await rig.AssertHoldsAsync("vm", record);
        Assert.Single((await rig.VmAsync("vm")).Checkpoints);
    }

    /// <summary>The first of two images, and the lab's record of its checkpoint.</summary>
    private static async Task<(ImageSummary First, Guid Record)> TwoBackupsAsync(HostRig rig)
    {
        await rig.WriteAsync("vm", seed: 1, bytes: 3 << 20);
        var first = await rig.BackupAsync("vm");
        var record = await rig.RecordAsync(first.VmId);
        await rig.WriteAsync("vm", seed: 2, bytes: 3 << 20);
        await rig.BackupAsync("vm");
        return (first, record);
    }
}
