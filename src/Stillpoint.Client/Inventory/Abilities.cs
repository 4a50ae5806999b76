using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>What of a VM can be backed up, how, and if not, why: decided from its settings alone, before anything is asked of its guest.</summary>
internal static class Abilities
{
    /// <summary>What a backup reads of a disk, and why not more.</summary>
    public static (DiskReach Reach, string? Why) OfDisk(VirtualMachine vm, VirtualDiskSetting disk)
    {
        if (disk.Kind == VmDiskKind.VhdSet || disk.IsShared)
        {
            return (DiskReach.Outside, $"{HostPaths.FileOf(disk.Path)} is shared by several VMs, and no checkpoint of one of them holds it. "
                + "Back it up inside a guest.");
        }
        if (!vm.CanTrackChanges) return (DiskReach.Whole, TooOld(vm));
        return disk.Kind switch
        {
            VmDiskKind.Vhdx => (DiskReach.Changes, null),
            VmDiskKind.Vhd => (DiskReach.Whole, $"{HostPaths.FileOf(disk.Path)} is a VHD: a host follows changes of VHDX files only. Convert it to VHDX."),
            _ => (DiskReach.Whole, $"{HostPaths.FileOf(disk.Path)} is of a format that this product does not know."),
        };
    }

    /// <summary>What a backup of a VM can hold, with a sentence for everything that is in the way.</summary>
    public static (BackupReach Reach, IReadOnlyList<string> Why) OfVm(VirtualMachine vm)
    {
        var disks = vm.Disks.Select(d => OfDisk(vm, d)).ToList();
        var why = disks.Select(d => d.Why).OfType<string>().Distinct().ToList();
        why.AddRange(vm.PassThroughDisks.Select(PassThrough));
        if (vm.Replication is ReplicationRole.Replica or ReplicationRole.ExtendedReplica or ReplicationRole.TestReplica)
        {
            why.Add("It is a replica: its disks are as of the last replication, and never quiesced for the backup. Back up the VM that it is a replica of.");
        }
        var held = disks.Count(d => d.Reach != DiskReach.Outside);
        if (held == 0) return (BackupReach.None, [.. why, "It has no disk that a checkpoint holds."]);
        if (held < disks.Count || vm.PassThroughDisks.Count > 0) return (BackupReach.Partial, why);
        return (disks.TrueForAll(d => d.Reach == DiskReach.Changes) ? BackupReach.Changes : BackupReach.Whole, why);
    }

    /// <summary>Why a pass-through disk is in no image.</summary>
    public static string PassThrough(string instanceId) =>
        $"The pass-through disk at {DiskPlace.Of([instanceId])[0]} is a drive of the host: no checkpoint holds it. Back it up inside the guest.";

    private static string TooOld(VirtualMachine vm) =>
        $"Configuration version {vm.ConfigurationVersion} is older than {VirtualMachine.TrackingVersion}: nothing follows its changes, so every backup "
        + "reads the whole disk. Upgrade the VM's configuration version.";
}
