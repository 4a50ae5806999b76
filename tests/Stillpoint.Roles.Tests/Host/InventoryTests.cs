using Stillpoint.Lab;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>What an inventory tells of VMs of every sort: through the wire, from a scenario file.</summary>
public sealed class InventoryTests
{
    private const string Scenario = """
        {
          "vms": [
            { "name": "plain", "disks": [{ "size": 16777216 }], "adapters": ["Default Switch", ""] },
            { "name": "old", "version": "5.0", "generation": 1, "disks": [{ "size": 16777216 }], "state": "off" },
            { "name": "vhd", "generation": 1, "disks": [{ "size": 16777216, "format": "vhd" }, { "size": 16777216 }] },
            { "name": "mixed", "version": "12.0", "disks": [{ "size": 16777216 }, { "size": 1048576, "shared": true },
              { "size": 1048576, "format": "vhd-set" }], "passThrough": 1 },
            { "name": "outside", "disks": [], "passThrough": 2, "state": "off" },
            { "name": "copy", "disks": [{ "size": 16777216 }], "replication": "replica", "state": "off", "userCheckpoints": 2 }
          ]
        }
        """;

    [Fact]
    public async Task Each_vm_tells_what_a_backup_can_hold_and_if_not_why()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Scenario, TestContext.Current.CancellationToken);
        var machines = LabScenario.Read(file);
        File.Delete(file);
        await using var rig = await HostRig.StartAsync([.. machines.Vms]);
        var vms = (await rig.Client.TakeInventory()).Vms.ToDictionary(v => v.Name);

        Assert.Equal(BackupReach.Changes, vms["plain"].Backup);
        Assert.Empty(vms["plain"].Why);
        Assert.Equal(["Default Switch", null], vms["plain"].Adapters.Select(a => a.Switch).OrderByDescending(s => s));
        Assert.Equal((2, "9.0", "running"), (vms["plain"].Generation, vms["plain"].ConfigurationVersion, vms["plain"].State));
        Assert.Equal("scsi 0:0", Assert.Single(vms["plain"].Disks).Place);

        Assert.Equal((BackupReach.Whole, DiskReach.Whole), (vms["old"].Backup, vms["old"].Disks[0].Backup));
        Assert.Contains("Upgrade the VM's configuration version", Assert.Single(vms["old"].Why), StringComparison.Ordinal);
        Assert.Equal(("ide 0:0", 16L << 20), (vms["old"].Disks[0].Place, vms["old"].Disks[0].Size));

        Assert.Equal(BackupReach.Whole, vms["vhd"].Backup);
        Assert.Equal([(VmDiskKind.Vhd, DiskReach.Whole), (VmDiskKind.Vhdx, DiskReach.Changes)], vms["vhd"].Disks.Select(d => (d.Kind, d.Backup)));
        Assert.Contains("Convert it to VHDX", Assert.Single(vms["vhd"].Why), StringComparison.Ordinal);

        Assert.Equal(BackupReach.Partial, vms["mixed"].Backup);
        Assert.Equal(
            [(VmDiskKind.Vhdx, false, DiskReach.Changes), (VmDiskKind.Vhdx, true, DiskReach.Outside), (VmDiskKind.VhdSet, true, DiskReach.Outside),
                (VmDiskKind.PassThrough, false, DiskReach.Outside)],
            vms["mixed"].Disks.Select(d => (d.Kind, d.Shared, d.Backup)));
        Assert.Equal(3, vms["mixed"].Why.Count);
        Assert.All(vms["mixed"].Disks.Where(d => d.Backup == DiskReach.Outside), d => Assert.Contains("inside", d.Why, StringComparison.Ordinal));

        Assert.Equal(BackupReach.None, vms["outside"].Backup);
        Assert.Equal((ReplicationRole.Replica, 2), (vms["copy"].Replication, vms["copy"].Checkpoints.Count));
        Assert.All(vms["copy"].Checkpoints, c => Assert.Equal("user", c.Kind));
        Assert.Contains("replica", Assert.Single(vms["copy"].Why), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"vms":[{"name":"a","disks":[],"generation":3}]}""", "generation")]
    [InlineData("""{"vms":[{"name":"a","disks":[],"version":"4.0"}]}""", "version")]
    [InlineData("""{"vms":[{"name":"a","disks":[{}]}]}""", "size")]
    [InlineData("""{"vms":[{"name":"a","disk":[]}]}""", "no scenario")]
    [InlineData("""nothing""", "no scenario")]
    public void A_scenario_that_no_host_has_is_refused(string text, string says)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, text);
        Assert.Contains(says, Assert.Throws<ArgumentException>(() => LabScenario.Read(file)).Message, StringComparison.Ordinal);
        File.Delete(file);
    }

    [Fact]
    public async Task Disks_that_no_checkpoint_holds_are_left_out_and_the_rest_is_backed_up()
    {
        await using var rig = await HostRig.StartAsync(
            HostRig.Vm("mixed") with { PassThrough = 1, Disks = [new UserDisk(Size: HostRig.DiskSize), new UserDisk(Size: 1 << 20) { Shared = true }] });
        await rig.WriteAsync("mixed");
        var image = await rig.BackupAsync("mixed");
        Assert.Single(image.Disks);
        await rig.AssertRestoresAsync(image);
    }

    [Theory]
    [InlineData("5.0", UserDiskFormat.Vhdx)]
    [InlineData("9.0", UserDiskFormat.Vhd)]
    public async Task What_nothing_tracks_is_read_whole_each_time_and_comes_back(string version, UserDiskFormat format)
    {
        await using var rig = await HostRig.StartAsync(
            HostRig.Vm("old") with { Version = version, Generation = 1, Disks = [new UserDisk(Size: HostRig.DiskSize) { Format = format }] });
        await rig.WriteAsync("old");
        await rig.BackupAsync("old");
        await rig.WriteAsync("old", seed: 2);
        var image = await rig.BackupAsync("old");
        Assert.Equal(ImageType.Full, image.Type);
        Assert.NotNull(Assert.Single(image.Disks).FullReason);
        await rig.AssertRestoresAsync(image);
        Assert.Empty(await rig.Host.ListCheckpointsAsync(image.VmId, default));
    }
}
