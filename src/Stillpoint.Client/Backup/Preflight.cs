using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>What must hold before a checkpoint is asked for.</summary>
internal static class Preflight
{
    /// <summary>First configuration version with resilient change tracking.</summary>
    private static readonly Version s_trackingVersion = new(6, 2);

    /// <summary>Finds the VM and checks its state, its configuration version and the space on its volumes.</summary>
    /// <exception cref="TroubleException">A backup cannot work or would endanger the host.</exception>
    public static async Task<VirtualMachine> CheckAsync(
        IHyperVHost host, IHostFiles files, BackupOrder order, HostLimits limits, JobLine line, CancellationToken cancel)
    {
        var vm = await host.FindVirtualMachineAsync(order.VmId, cancel) ?? throw new TroubleException(
            $"VM {order.VmName}",
            $"the host has no VM of the id {order.VmId}.",
            "Refresh the host's inventory (stillpoint host test HOST); if the VM moved, point the policy at its new host.");
        if (vm.State == VirtualMachineState.Other)
        {
            throw new TroubleException(
                $"VM {vm.Name}",
                "its state does not allow a checkpoint: it is neither running, off, saved nor paused.",
                "Wait until the VM has started or stopped, then run the backup again.",
                retry: true);
        }
        if (!vm.OwnDisks.Any())
            throw new TroubleException($"VM {vm.Name}", "it has no virtual hard disk to back up.", "Take the VM out of the policy.");
        foreach (var physical in vm.PassThroughDisks)
            await line.WarnAsync($"pass-through disk {physical} of VM {vm.Name} is not in the image: no checkpoint holds it. Back it up inside the guest.");
        if (HostWatch.SpaceTrouble(files, vm.OwnDisks.Select(d => d.Path), limits) is { } space) throw new TroubleException(space);
        if (order.BlockLevelIncremental && Version.TryParse(vm.ConfigurationVersion, out var version) && version < s_trackingVersion)
        {
            await line.WarnAsync($"VM {vm.Name} has configuration version {vm.ConfigurationVersion}: change tracking needs 6.2, so every backup " +
                "reads the whole disk. Upgrade the VM's configuration version.");
        }
        return vm;
    }
}
