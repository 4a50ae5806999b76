using Stillpoint.Client;
using Stillpoint.Lab;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>Each finding of a look before a backup, through the wire: what it says, and what the backup does about it.</summary>
public sealed class PreflightTests
{
    private static readonly UserMachine s_vm = HostRig.Vm("vm");

    [Fact]
    public async Task A_sound_vm_has_no_findings()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        Assert.Empty((await LookAsync(rig)).Findings);
        Assert.Empty((await rig.BackupAsync(await rig.OrderAsync("vm"))).Findings);
    }

    [Fact]
    public async Task A_vm_that_is_not_there_is_refused()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var order = await rig.OrderAsync("vm");
        var report = await rig.BackupAsync(order with { VmId = rig.NewId() });
        await AssertRefusedAsync(rig, report, FindingSubject.Missing, "stillpoint host test");
    }

    [Fact]
    public async Task A_vm_on_its_way_up_is_refused_for_now()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.ControlAsync("state", new { vm = "vm", state = "starting" });
        var report = await rig.BackupAsync(await rig.OrderAsync("vm"));
        await AssertRefusedAsync(rig, report, FindingSubject.State, "Wait until the VM has started");
        Assert.True(report.Trouble!.Retry);
    }

    [Fact]
    public async Task A_vm_without_a_disk_of_its_own_is_refused()
    {
        await using var rig = await HostRig.StartAsync(s_vm with { Disks = [], PassThrough = 1 });
        await AssertRefusedAsync(rig, await rig.BackupAsync(await rig.OrderAsync("vm")), FindingSubject.NoDisk, "out of the policy");
    }

    [Theory]
    [InlineData(OutsideDisks.Skip)]
    [InlineData(OutsideDisks.Fail)]
    public async Task Pass_through_and_shared_disks_are_left_out_or_refused_by_policy(OutsideDisks policy)
    {
        await using var rig = await HostRig.StartAsync(
            s_vm with { PassThrough = 1, Disks = [new UserDisk(Size: HostRig.DiskSize), new UserDisk(Size: 1 << 20) { Shared = true }] });
        var report = await rig.BackupAsync(await rig.OrderAsync("vm") with { OutsideDisks = policy });
        var outside = report.Findings.Where(f => f.Subject == FindingSubject.OutsideDisk).ToList();
        Assert.Equal(2, outside.Count);
        Assert.All(outside, f => Assert.Contains("inside", f.Mend, StringComparison.Ordinal));
        if (policy == OutsideDisks.Fail)
        {
            await AssertRefusedAsync(rig, report, FindingSubject.OutsideDisk, "inside");
            return;
        }
        Assert.Equal(2, report.Warnings.Count);
        Assert.Equal(report.Findings, HostRig.Good(report).Findings);
    }

    [Fact]
    public async Task An_old_configuration_version_is_a_warning_and_a_vhd_a_note()
    {
        await using var rig = await HostRig.StartAsync(
            s_vm with { Version = "5.0" }, HostRig.Vm("vhd") with { Generation = 1, Disks = [new UserDisk(Size: HostRig.DiskSize) { Format = UserDiskFormat.Vhd }] });
        var old = Assert.Single((await LookAsync(rig)).Findings);
        Assert.Equal((FindingSubject.ConfigurationVersion, FindingLevel.Warning), (old.Subject, old.Level));
        Assert.Contains("5.0", old.Why, StringComparison.Ordinal);
        var vhd = Assert.Single((await LookAsync(rig, "vhd")).Findings);
        Assert.Equal((FindingSubject.UntrackedDisk, FindingLevel.Note), (vhd.Subject, vhd.Level));
    }

    [Theory]
    [InlineData(IntegrationState.Disabled, ConsistencyPolicy.Application, FindingLevel.Refusal)]
    [InlineData(IntegrationState.Disabled, ConsistencyPolicy.ApplicationThenCrash, FindingLevel.Warning)]
    [InlineData(IntegrationState.NoContact, ConsistencyPolicy.Application, FindingLevel.Note)]
    [InlineData(IntegrationState.NoContact, ConsistencyPolicy.Crash, null)]
    public async Task The_guests_backup_service_is_looked_at(IntegrationState state, ConsistencyPolicy asked, FindingLevel? level)
    {
        await using var rig = await HostRig.StartAsync(s_vm with { Integration = state });
        var found = (await LookAsync(rig, consistency: asked)).Findings;
        Assert.Equal(level, found.Count == 0 ? null : Assert.Single(found, f => f.Subject == FindingSubject.GuestService).Level);
    }

    [Fact]
    public async Task Checkpoints_of_people_are_noted_and_those_of_another_product_warned_of()
    {
        await using var rig = await HostRig.StartAsync(s_vm with { UserCheckpoints = 2 });
        await rig.ControlAsync("foreign", new { vm = "vm", kind = "recovery-checkpoint" });
        var found = (await LookAsync(rig)).Findings;
        Assert.Equal([FindingSubject.ForeignCheckpoint, FindingSubject.UserCheckpoints], found.Select(f => f.Subject));
        Assert.Equal([FindingLevel.Warning, FindingLevel.Note], found.Select(f => f.Level));
        Assert.Contains("2 checkpoints", found[1].Why, StringComparison.Ordinal);

        var report = await rig.BackupAsync(await rig.OrderAsync("vm"));
        HostRig.Good(report);
        var vm = await rig.VmAsync("vm");
        Assert.Equal(3, vm.Checkpoints.Count); // all that was there stays
    }

    [Fact]
    public async Task What_an_earlier_run_left_is_noted()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var vm = await rig.VmAsync("vm");
        var left = await rig.Host.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.Copy, default);
        var job = rig.NewId();
        await rig.Host.RenameCheckpointAsync(left.Id, Ours.CheckpointName(job), default);
        var intent = new Intent(rig.NewId(), job, vm.Id, HostCall.CreateSnapshot, [], left.Id, TimeProvider.System.GetUtcNow());
        var found = Assert.Single((await LookAsync(rig, intents: [intent])).Findings);
        Assert.Equal((FindingSubject.Leftover, FindingLevel.Note), (found.Subject, found.Level));
    }

    [Fact]
    public async Task A_merge_that_runs_is_noted_and_one_that_is_switched_off_is_warned_of_and_mended()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.ControlAsync("disable-merging", new { vm = "vm" });
        var vm = await rig.VmAsync("vm");
        var checkpoint = await rig.Host.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.Copy, default);
        await rig.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        var off = Assert.Single((await LookAsync(rig)).Findings);
        Assert.Equal((FindingSubject.MergingDisabled, FindingLevel.Warning), (off.Subject, off.Level));

        await rig.FaultAsync("merge-slow", "vm");
        await rig.Host.EnableMergingAsync(vm.Id, default);
        Assert.Equal(FindingSubject.Merging, Assert.Single((await LookAsync(rig)).Findings).Subject);
        await rig.AssertFaultsFiredAsync();
    }

    [Theory]
    [InlineData(1L << 50, FindingLevel.Refusal)]
    [InlineData(-1, FindingLevel.Warning)]
    public async Task Space_below_or_near_the_floor_is_told(long floor, FindingLevel level)
    {
        await using var rig = await HostRig.StartAsync(o => o, services =>
        {
            // Near: as much more than half of what is free as the tests beside this one can take away.
            var free = services.Files.Space(@"C:\").FreeBytes;
            return services with { Limits = services.Limits with { FreeShare = 1, FreeBytes = floor > 0 ? floor : free / 10 * 7 } };
        }, s_vm);
        var found = Assert.Single((await LookAsync(rig)).Findings);
        Assert.Equal((FindingSubject.FreeSpace, level), (found.Subject, found.Level));
    }

    [Theory]
    [InlineData("6.3.9600", FindingLevel.Refusal)]
    [InlineData("10.0.14393", FindingLevel.Note)]
    public async Task The_hosts_version_is_looked_at(string version, FindingLevel level)
    {
        await using var rig = await HostRig.StartAsync(o => o with { HostVersion = Version.Parse(version) }, s => s, s_vm);
        var found = Assert.Single((await LookAsync(rig)).Findings);
        Assert.Equal((FindingSubject.HostVersion, level), (found.Subject, found.Level));
        Assert.Contains(version, found.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_replica_is_noted()
    {
        await using var rig = await HostRig.StartAsync(s_vm with { Replication = ReplicationPart.Replica, State = "off" });
        Assert.Equal(FindingSubject.Replica, Assert.Single((await LookAsync(rig)).Findings).Subject);
    }

    private static async Task<PreflightReport> LookAsync(
        HostRig rig, string vm = "vm", ConsistencyPolicy consistency = ConsistencyPolicy.Application, params Intent[] intents) =>
        await rig.Client.Preflight(new PreflightOrder((await rig.VmAsync(vm)).Id, vm, consistency, true, OutsideDisks.Skip, intents));

    /// <summary>The job failed before anything was made, and says what, why and how to mend it.</summary>
    private static async Task AssertRefusedAsync(HostRig rig, JobReport report, FindingSubject subject, string mend)
    {
        Assert.Equal((JobOutcome.Failed, Phase.Initiate), (report.Outcome, report.Trouble!.Phase));
        var finding = report.Findings[0];
        Assert.Equal((subject, FindingLevel.Refusal), (finding.Subject, finding.Level));
        Assert.Equal((finding.What, finding.Why, finding.Mend), (report.Trouble.Culprit, report.Trouble.Message, report.Trouble.NextStep));
        Assert.Contains(mend, finding.Mend, StringComparison.Ordinal);
        Assert.Null(report.Image);
        Assert.Empty(await rig.Host.ListCheckpointsAsync((await rig.VmAsync("vm")).Id, default));
    }
}
