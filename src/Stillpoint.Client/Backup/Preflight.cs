using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>What a look at a VM before its backup found.</summary>
/// <param name="Vm">The VM; null when the host has none of that id.</param>
/// <param name="Findings">The findings, what stops a backup first.</param>
internal sealed record PreflightResult(VirtualMachine? Vm, IReadOnlyList<Finding> Findings);

/// <summary>
/// Looks at a VM and its host before a checkpoint is asked for, and changes nothing. Each finding says what, why and how to mend it. What the
/// attempt itself will decide (whether the guest can be quiesced) is a note, not a refusal: what a host shows may be a moment old.
/// </summary>
internal sealed class Preflight(ClientServices services)
{
    /// <summary>More checkpoints of people than this make a chain that slows the VM itself.</summary>
    private const int LongChain = 10;

    /// <summary>Looks.</summary>
    public async Task<PreflightResult> LookAsync(PreflightOrder order, CancellationToken cancel)
    {
        if (await services.Host.FindVirtualMachineAsync(order.VmId, cancel) is not { } vm)
        {
            return new PreflightResult(null, [new Finding(FindingSubject.Missing, FindingLevel.Refusal, $"VM {order.VmName}",
                $"the host has no VM of the id {order.VmId}.",
                "Refresh the host's inventory (stillpoint host test HOST); if the VM moved, point the policy at its new host.")]);
        }
        var found = new List<Finding>();
        State(vm, found);
        Disks(vm, order, found);
        Space(vm, found);
        found.AddRange(await VersionAsync(cancel));
        found.AddRange(await GuestAsync(vm, order, cancel));
        found.AddRange(await CheckpointsAsync(vm, order, cancel));
        found.AddRange(await MergesAsync(vm, cancel));
        return new PreflightResult(vm, [.. found.OrderByDescending(f => f.Level)]);
    }

    private static void State(VirtualMachine vm, List<Finding> found)
    {
        if (vm.State == VirtualMachineState.Other)
        {
            found.Add(new Finding(FindingSubject.State, FindingLevel.Refusal, Name(vm),
                "its state does not allow a checkpoint: it is neither running, off, saved nor paused.",
                "Wait until the VM has started or stopped, then run the backup again.", Retry: true));
        }
        if (vm.Replication is not (ReplicationRole.None or ReplicationRole.Primary))
        {
            found.Add(new Finding(FindingSubject.Replica, FindingLevel.Note, Name(vm),
                "it is a replica: its disks are as of the last replication, and its guest does not run to be quiesced.",
                "Back up the VM that it is a replica of, if applications in it must be consistent."));
        }
    }

    private static void Disks(VirtualMachine vm, PreflightOrder order, List<Finding> found)
    {
        if (!vm.OwnDisks.Any())
        {
            found.Add(new Finding(FindingSubject.NoDisk, FindingLevel.Refusal, Name(vm), "it has no virtual hard disk to back up.",
                "Take the VM out of the policy."));
        }
        var level = order.OutsideDisks == OutsideDisks.Fail ? FindingLevel.Refusal : FindingLevel.Warning;
        foreach (var physical in vm.PassThroughDisks)
        {
            found.Add(new Finding(FindingSubject.OutsideDisk, level, $"pass-through disk {physical} of VM {vm.Name}",
                "it is not in the image: no checkpoint holds it.", "Back it up inside the guest."));
        }
        foreach (var shared in vm.Disks.Where(d => d.IsShared))
        {
            found.Add(new Finding(FindingSubject.OutsideDisk, level, $"shared disk {shared.Path} of VM {vm.Name}",
                "it is not in the image: several VMs may write to it, and no checkpoint of one of them holds it.", "Back it up inside a guest."));
        }
        if (!order.BlockLevelIncremental) return;
        if (!vm.CanTrackChanges)
        {
            found.Add(new Finding(FindingSubject.ConfigurationVersion, FindingLevel.Warning, Name(vm),
                $"it has configuration version {vm.ConfigurationVersion}: change tracking needs {VirtualMachine.TrackingVersion}, so every backup reads "
                + "the whole disk.", "Upgrade the VM's configuration version."));
            return;
        }
        foreach (var disk in vm.OwnDisks.Where(d => d.Kind == VmDiskKind.Vhd))
        {
            found.Add(new Finding(FindingSubject.UntrackedDisk, FindingLevel.Note, $"disk {disk.Path}",
                "it is a VHD: a host follows changes of VHDX files only, so every backup reads all of it.", "Convert it to VHDX."));
        }
    }

    private void Space(VirtualMachine vm, List<Finding> found)
    {
        var disks = vm.OwnDisks.Select(d => d.Path).ToList();
        if (HostWatch.SpaceTrouble(services.Files, disks, services.Limits) is { } full)
            found.Add(new Finding(FindingSubject.FreeSpace, FindingLevel.Refusal, full.Culprit, full.Message, full.NextStep));
        else if (HostWatch.SpaceTrouble(services.Files, disks, services.Limits.Twice) is { } near)
        {
            found.Add(new Finding(FindingSubject.FreeSpace, FindingLevel.Warning, near.Culprit,
                "little more is free than the floor at which a backup gives its checkpoint up: what the guest writes meanwhile may reach it.",
                "Free space on the volume."));
        }
    }

    private async Task<IReadOnlyList<Finding>> VersionAsync(CancellationToken cancel)
    {
        if (await services.Host.GetVersionAsync(cancel) is not { } host) return [];
        if (host.Version < HostVersion.First)
        {
            return [new Finding(FindingSubject.HostVersion, FindingLevel.Refusal, $"the host, version {host.Version}",
                "it is older than Windows Server 2016: it has no recovery checkpoints by this method.", "Set the policy's method to vss, or update the host.")];
        }
        if (host.Version.Build > HostVersion.First.Build) return [];
        return [new Finding(FindingSubject.HostVersion, FindingLevel.Note, $"the host, version {host.Version}",
            "it is Windows Server 2016: it cannot be told whether a backup is a copy or a full for its guests, and its updates are not told here.",
            "Keep it up to date; the tracking audit looks after its change tracking.")];
    }

    private async Task<IReadOnlyList<Finding>> GuestAsync(VirtualMachine vm, PreflightOrder order, CancellationToken cancel)
    {
        if (vm.State != VirtualMachineState.Running || order.Consistency == ConsistencyPolicy.Crash) return [];
        Finding Say(FindingLevel level, string why, string mend) => new(FindingSubject.GuestService, level, $"guest of VM {vm.Name}", why, mend);
        var must = order.Consistency == ConsistencyPolicy.Application;
        return await services.Host.GetGuestServiceAsync(vm.Id, cancel) switch
        {
            GuestService.Disabled => [Say(must ? FindingLevel.Refusal : FindingLevel.Warning,
                "its backup integration service is switched off in the VM's settings, so it cannot be quiesced.",
                "Switch on Integration Services, Backup (volume shadow copy), in the VM's settings, or set the policy's consistency to crash.")],
            GuestService.NoContact => [Say(FindingLevel.Note,
                "its backup integration service does not answer: the guest has none, or has not started it yet.",
                "Start the service in the guest (Hyper-V Volume Shadow Copy Requestor; hv_vss_daemon on Linux).")],
            GuestService.Degraded => [Say(FindingLevel.Note, "its backup integration service complains.", "Update the guest's integration services.")],
            _ => [],
        };
    }

    private async Task<IReadOnlyList<Finding>> CheckpointsAsync(VirtualMachine vm, PreflightOrder order, CancellationToken cancel)
    {
        var found = new List<Finding>();
        var people = vm.Checkpoints.Count(c => c.Kind == CheckpointKind.User);
        if (people > 0)
        {
            found.Add(new Finding(FindingSubject.UserCheckpoints, people > LongChain ? FindingLevel.Warning : FindingLevel.Note, Name(vm),
                $"people took {people} {(people == 1 ? "checkpoint" : "checkpoints")} of it: its disks are chains of files, of which the image holds the newest state.",
                "Remove checkpoints that nobody needs."));
        }
        var look = await services.Sweep.LookAsync(vm, order.OpenIntents, cancel);
        found.AddRange(look.Ours.Select(c => new Finding(FindingSubject.Leftover, FindingLevel.Note, $"recovery checkpoint {c.Id} of VM {vm.Name}",
            "an earlier run of ours left it.", "The next backup removes it; stillpoint client sweep does so at once.")));
        found.AddRange(look.Foreign.Select(c => new Finding(FindingSubject.ForeignCheckpoint, FindingLevel.Warning, $"recovery checkpoint '{c.Name}' of VM {vm.Name}",
            $"it is none of ours, from {c.Created:yyyy-MM-dd HH:mm} UTC: another backup product works on the VM, or left it. While it stands, disks do not merge.",
            "See which product made it and have that product remove it; we leave it alone.")));
        return found;
    }

    private async Task<IReadOnlyList<Finding>> MergesAsync(VirtualMachine vm, CancellationToken cancel)
    {
        var found = new List<Finding>();
        if (await services.Host.IsMergingDisabledAsync(vm.Id, cancel))
        {
            found.Add(new Finding(FindingSubject.MergingDisabled, FindingLevel.Warning, Name(vm),
                "merging of its disks is switched off, as an export by another product leaves it: checkpoints would pile up.",
                "The backup switches it on before it releases its checkpoint."));
        }
        else if (await services.Host.IsMergingAsync(vm.Id, cancel))
        {
            found.Add(new Finding(FindingSubject.Merging, FindingLevel.Note, Name(vm), "its disks still merge after an earlier checkpoint.",
                "The backup waits a minute for it.", Retry: true));
        }
        return found;
    }

    private static string Name(VirtualMachine vm) => $"VM {vm.Name}";
}
