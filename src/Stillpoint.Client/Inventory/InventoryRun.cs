using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>Looks at the host and tells what is there, as a person reads it.</summary>
internal sealed class InventoryRun(IHyperVHost host, IHostFiles files)
{
    /// <summary>Looks now.</summary>
    public async Task<HostInventory> RunAsync(CancellationToken cancel)
    {
        var vms = await host.ListVirtualMachinesAsync(cancel);
        return new HostInventory(await host.GetHostNameAsync(cancel), [.. vms.Select(Tell)]);
    }

    /// <summary>One VM.</summary>
    public VmInventory Tell(VirtualMachine vm)
    {
        var (reach, why) = Abilities.OfVm(vm);
        return new VmInventory(vm.Id, vm.Name, Words.Of(vm.State), vm.Generation, vm.ConfigurationVersion, Disks(vm))
        {
            Adapters = [.. vm.Adapters.Select(a => new AdapterInventory(a.SettingId, a.IsConnected ? a.Switch : null))],
            Checkpoints = [.. vm.Checkpoints.Select(c => new CheckpointInventory(c.Name, Words.Of(c.Kind), c.Created))],
            Replication = vm.Replication,
            Backup = reach,
            Why = why,
        };
    }

    private IReadOnlyList<DiskInventory> Disks(VirtualMachine vm)
    {
        var places = DiskPlace.Of(vm.Disks.Select(d => d.SettingId).Concat(vm.PassThroughDisks));
        var virtualDisks = vm.Disks.Select((disk, i) =>
        {
            var (reach, why) = Abilities.OfDisk(vm, disk);
            return new DiskInventory(disk.Path, SizeOf(disk))
            {
                Kind = disk.Kind, Place = places[i], Shared = disk.IsShared, Backup = reach, Why = why,
            };
        });
        var drives = vm.PassThroughDisks.Select((id, i) => new DiskInventory(id, 0)
        {
            Kind = VmDiskKind.PassThrough, Place = places[vm.Disks.Count + i], Backup = DiskReach.Outside, Why = Abilities.PassThrough(id),
        });
        return [.. virtualDisks, .. drives];
    }

    /// <summary>0 where the disk cannot be opened: a running VM holds its leaf.</summary>
    private long SizeOf(VirtualDiskSetting disk)
    {
        if (disk.Kind is not (VmDiskKind.Vhdx or VmDiskKind.Vhd)) return 0;
        try
        {
            using var opened = files.OpenDisk(disk.Path);
            return opened.Length;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException or TroubleException)
        {
            return 0;
        }
    }
}
