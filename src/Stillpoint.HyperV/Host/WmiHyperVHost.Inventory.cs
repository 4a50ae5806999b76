namespace Stillpoint.HyperV;

internal sealed partial class WmiHyperVHost
{
    private const int DeletingSnapshot = 32770;
    private const int MergingDisks = 32772;

    /// <inheritdoc/>
    public Task<string> GetHostNameAsync(CancellationToken cancel) => host.ForAsync(null, "tell its name", async () =>
    {
        var systems = await host.QueryAsync(Wql.SelectAll(HyperVNames.ComputerSystem), cancel);
        // The host's own row is the one whose name is no GUID. Without rights some hosts answer with nothing instead of a fault.
        return systems.FirstOrDefault(s => s.Is(HyperVNames.ComputerSystem) && VmId(s) is null)?.Text("Name")
            ?? throw host.Trouble(null, "shows no computer system to this account.",
                "Put the account into the host's Administrators or Hyper-V Administrators, and see that the service vmms runs.");
    });

    /// <inheritdoc/>
    public Task<IReadOnlyList<VirtualMachine>> ListVirtualMachinesAsync(CancellationToken cancel) => host.ForAsync(null, "list its VMs", async () =>
    {
        // Four questions for the whole host, however many VMs it has.
        var systems = await host.QueryAsync(Wql.SelectAll(HyperVNames.ComputerSystem), cancel);
        var settings = (await host.QueryAsync(Wql.SelectWhere(HyperVNames.Settings, "VirtualSystemType", HyperVNames.RealizedType), cancel))
            .ToLookup(s => SettingsReader.Owner(s.Required("InstanceID")));
        var disks = (await host.QueryAsync(Wql.SelectWhere(HyperVNames.DiskSetting, "ResourceSubType", HyperVNames.VirtualHardDisk), cancel))
            .ToLookup(d => SettingsReader.Owner(d.Required("InstanceID")));
        var drives = (await host.QueryAsync(Wql.SelectWhere(HyperVNames.ResourceSetting, "ResourceSubType", HyperVNames.PhysicalDiskDrive), cancel))
            .ToLookup(d => SettingsReader.Owner(d.Required("InstanceID")));
        var machines = new List<VirtualMachine>();
        foreach (var system in systems.Where(s => s.Is(HyperVNames.ComputerSystem)))
        {
            // A VM without settings was deleted between two of the questions.
            if (VmId(system) is not { } id || settings[id].FirstOrDefault() is not { } own) continue;
            var machine = SettingsReader.VirtualMachine(id, system, own, disks[id]);
            machines.Add(machine with { PassThroughDisks = SettingsReader.PassThroughDisks(drives[id]) });
        }
        return (IReadOnlyList<VirtualMachine>)machines;
    });

    /// <inheritdoc/>
    public Task<VirtualMachine?> FindVirtualMachineAsync(Guid vmId, CancellationToken cancel) =>
        host.ForAsync(vmId, "tell its settings", () => FindAsync(HyperVNames.ComputerSystem, vmId, cancel));

    /// <inheritdoc/>
    public Task<bool> IsMergingAsync(Guid vmId, CancellationToken cancel) => host.ForAsync(vmId, "tell whether its disks merge", async () =>
    {
        var machine = await FindAsync(HyperVNames.ComputerSystem, vmId, cancel);
        if (machine is null) return false;
        if (machine.OperationalStatus.Any(s => s is MergingDisks or DeletingSnapshot)) return true;
        // The status is not set at every moment of a merge; a leaf that no checkpoint accounts for is a merge that has not ended.
        return machine.Disks.Any(d => IsLeaf(d.Path)) && (await SnapshotsOfAsync(vmId, cancel)).Count == 0;
    });

    private async Task<VirtualMachine?> FindAsync(string className, Guid id, CancellationToken cancel)
    {
        var rows = await host.QueryAsync(Wql.SelectWhere(className, "Name", HyperVNames.Text(id)), cancel);
        return rows.FirstOrDefault(r => r.Is(className) && VmId(r) == id) is { } system ? await ReadAsync(className, id, system, cancel) : null;
    }

    private async Task<VirtualMachine?> ReadAsync(string className, Guid id, CimInstance system, CancellationToken cancel)
    {
        if (await SettingsOfAsync(HyperVNames.System(className, id), cancel) is not [var settings, ..]) return null;
        var reference = HyperVNames.Instance(HyperVNames.Settings, settings.Required("InstanceID"));
        var machine = SettingsReader.VirtualMachine(id, system, settings, await DisksOfAsync(reference, cancel));
        var drives = await host.QueryAsync(
            Wql.Associators(reference, "Msvm_VirtualSystemSettingDataComponent", HyperVNames.ResourceSetting), cancel);
        return machine with { PassThroughDisks = SettingsReader.PassThroughDisks(drives) };
    }

    private static Guid? VmId(CimInstance system) => Guid.TryParseExact(system.Text("Name"), "D", out var id) ? id : null;

    private static bool IsLeaf(string path) =>
        path.EndsWith(".avhdx", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".avhd", StringComparison.OrdinalIgnoreCase);
}
