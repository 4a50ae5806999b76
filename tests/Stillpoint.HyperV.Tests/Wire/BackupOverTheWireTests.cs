using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.VirtualDisks;

namespace Stillpoint.HyperV.Tests.Wire;

[Collection(nameof(LabCollection))]
public sealed class BackupOverTheWireTests(LabFixture lab)
{
    [Fact]
    public async Task The_inventory_tells_three_vms_with_their_disks()
    {
        Assert.NotEmpty(await lab.Host.GetHostNameAsync(default));
        var machines = await lab.Host.ListVirtualMachinesAsync(default);
        Assert.Equal(["db", "legacy", "web"], machines.Select(m => m.Name).Order());
        var db = machines.Single(m => m.Name == "db");
        Assert.Equal((2, 2), (db.Disks.Count, db.Generation));
        Assert.Single(machines.Single(m => m.Name == "web").Disks);
        Assert.All(machines, m => Assert.NotEqual(VirtualMachineState.Other, m.State));
        Assert.All(machines.SelectMany(m => m.Disks), d => Assert.True(lab.Files.Exists(d.Path), d.Path));
        Assert.All(machines, m => Assert.True(lab.Files.Exists(m.ConfigurationPath), m.ConfigurationPath));

        var found = await lab.Host.FindVirtualMachineAsync(db.Id, default);
        Assert.Equal(Plain(db), Plain(found!));
        Assert.Equal(db.Disks, found!.Disks);
        Assert.Empty(found.PassThroughDisks);
        Assert.Null(await lab.Host.FindVirtualMachineAsync(new Guid("A1B2C3D4-0000-4000-8000-000000000001"), default));
    }

    [Fact]
    public async Task A_full_and_an_incremental_give_the_disks_that_the_guest_had()
    {
        var vm = await lab.FindAsync("db");
        var before = await lab.Host.ListReferencePointsAsync(vm.Id, default);

        // full: a checkpoint, its frozen disks read, a reference point
        var full = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, true, GuestBackupType.Copy, default);
        Assert.Equal(CheckpointKind.Recovery, full.Kind);
        Assert.Equal(vm.Disks.Select(d => d.SettingId), full.Disks.Select(d => d.SettingId));
        await lab.Host.RenameCheckpointAsync(full.Id, "stillpoint <job> & 'one'", default);
        Assert.Equal("stillpoint <job> & 'one'", Assert.Single(await lab.Host.ListCheckpointsAsync(vm.Id, default)).Name);
        var live = (await lab.Host.FindVirtualMachineAsync(vm.Id, default))!.Disks;
        Assert.Empty(live.Select(d => d.Path).Intersect(full.Disks.Select(d => d.Path)));
        Assert.Equal(unchecked((int)0x80070020), Assert.ThrowsAny<IOException>(() => lab.Files.OpenDisk(live[0].Path)).HResult);
        await lab.ControlAsync("write", new { vm = "db", bytes = 1 << 20 });
        for (var i = 0; i < full.Disks.Count; i++)
        {
            using var frozen = lab.Files.OpenDisk(full.Disks[i].Path);
            using var restored = lab.Files.CreateDisk(Restored(i), frozen.Length, frozen.LogicalSectorSize);
            Copy(frozen, restored, frozen.Data);
        }
        for (var i = 0; i < full.Disks.Count; i++) Assert.True(await lab.IsIdenticalAsync(full, i, Restored(i)));
        var point = await lab.Host.ConvertToReferencePointAsync(full.Id, default);
        Assert.Equal(vm.Disks.Select(d => d.SettingId).Order(), point.Disks.Select(d => d.SettingId).Order());
        Assert.All(point.Disks, d => Assert.StartsWith("rct", d.TrackingId, StringComparison.Ordinal));
        Assert.Equal(point.Id, Assert.Single(await lab.Host.ListReferencePointsAsync(vm.Id, default), p => before.All(b => b.Id != p.Id)).Id);
        await lab.MergedAsync(vm.Id);
        Assert.Empty(await lab.Host.ListCheckpointsAsync(vm.Id, default));

        // incremental: only what changed is read
        await lab.ControlAsync("write", new { vm = "db", bytes = 2 << 20 });
        var next = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, true, GuestBackupType.Full, default);
        long changed = 0;
        for (var i = 0; i < next.Disks.Count; i++)
        {
            using var frozen = lab.Files.OpenDisk(next.Disks[i].Path);
            var tracking = point.Disks.Single(d => d.SettingId == next.Disks[i].SettingId).TrackingId!;
            var changes = await lab.Host.GetChangesAsync(next.Disks[i].Path, tracking, frozen.Length, default);
            changed += changes.TotalLength;
            var writable = new DiskOpenOptions { ReadOnly = false, NewId = () => new Guid(i, 1, 1, new byte[8]) };
            using var restored = VirtualDisk.Open(lab.Files.Local(Restored(i)), writable);
            Copy(frozen, restored, changes);
        }
        Assert.InRange(changed, 1 << 20, 16 << 20);
        for (var i = 0; i < next.Disks.Count; i++) Assert.True(await lab.IsIdenticalAsync(next, i, Restored(i)));
        Assert.False(await lab.IsIdenticalAsync(full, 0, Restored(0)) && await lab.IsIdenticalAsync(full, 1, Restored(1)));

        await lab.Host.ConvertToReferencePointAsync(next.Id, default);
        await lab.Host.DestroyReferencePointAsync(point.Id, default);
        Assert.DoesNotContain(await lab.Host.ListReferencePointsAsync(vm.Id, default), p => p.Id == point.Id);
        await lab.MergedAsync(vm.Id);
        for (var i = 0; i < vm.Disks.Count; i++) lab.Files.Delete(Restored(i));
    }

    [Fact]
    public async Task A_checkpoint_is_removed_and_its_disks_merge()
    {
        var vm = await lab.FindAsync("web");
        Assert.True(await lab.Host.HasGuestBackupTypeAsync(vm.Id, default));
        var checkpoint = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.HostDefault, default);
        await lab.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        await lab.MergedAsync(vm.Id);
        Assert.Equal(vm.Disks, (await lab.Host.FindVirtualMachineAsync(vm.Id, default))!.Disks);
        Assert.Empty(await lab.Host.ListCheckpointsAsync(vm.Id, default));
    }

    [Fact]
    public async Task A_reverted_vm_tells_the_snapshot_that_was_applied()
    {
        var vm = await lab.FindAsync("legacy");
        Assert.Null(await lab.Host.GetLastAppliedSnapshotAsync(vm.Id, default));
        await lab.ControlAsync("user-checkpoint", new { vm = "legacy" });
        var user = Assert.Single(await lab.Host.ListCheckpointsAsync(vm.Id, default));
        Assert.Equal(CheckpointKind.User, user.Kind);
        await lab.ControlAsync("revert", new { vm = "legacy" });
        Assert.Equal(user.Id, await lab.Host.GetLastAppliedSnapshotAsync(vm.Id, default));
        await lab.MergedAsync(vm.Id); // the leaf above a user checkpoint is no unfinished merge

        // What stands on top of a person's checkpoint is a chain of files, named by the host's paths.
        await lab.ControlAsync("write", new { vm = "legacy", bytes = 1 << 20 });
        var ours = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.Copy, default);
        Assert.Equal(2, (await lab.Host.ListCheckpointsAsync(vm.Id, default)).Count);
        using (var frozen = lab.Files.OpenDisk(ours.Disks[0].Path))
        using (var restored = lab.Files.CreateDisk(Restored(9), frozen.Length, frozen.LogicalSectorSize))
        {
            Assert.True(frozen.Chain.Count() > 1);
            Copy(frozen, restored, frozen.Data);
        }
        Assert.True(await lab.IsIdenticalAsync(ours, 0, Restored(9)));
        lab.Files.Delete(Restored(9));
        await lab.Host.DestroyCheckpointAsync(ours.Id, default);
        await lab.MergedAsync(vm.Id);
        await lab.Host.DestroyCheckpointAsync(user.Id, default);
        await lab.MergedAsync(vm.Id);
    }

    private static VirtualMachine Plain(VirtualMachine machine) => machine with
    {
        Disks = [], OperationalStatus = [], PassThroughDisks = [], Adapters = [], Checkpoints = [],
    };

    private static string Restored(int disk) => $@"C:\Restored\wire\disk{disk}.vhdx";

    private static void Copy(VirtualDisk from, VirtualDisk to, ExtentSet extents)
    {
        var buffer = new byte[1 << 20];
        foreach (var extent in extents)
        {
            for (var offset = extent.Offset; offset < extent.End; offset += buffer.Length)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, extent.End - offset));
                from.Read(offset, part);
                to.Write(offset, part);
            }
        }
    }
}
