namespace Stillpoint.HyperV;

internal sealed partial class WmiHyperVHost
{
    private const int DeletingSnapshot = 32770;
    private const int MergingDisks = 32772;

    /// <inheritdoc/>
    public Task<string> GetHostNameAsync(CancellationToken cancel) => host.ForAsync(null, "tell its name", async () =>
    {
        var systems = await host.QueryAsync(HostRows.Names, cancel);
        // The host's own row is the one whose name is no GUID. Without rights some hosts answer with nothing instead of a fault.
        return systems.FirstOrDefault(s => s.Text("CreationClassName") == HyperVNames.ComputerSystem && VmId(s) is null)?.Text("Name")
            ?? throw host.Trouble(null, "shows no computer system to this account.",
                "Put the account into the host's Administrators or Hyper-V Administrators, and see that the service vmms runs.");
    });

    /// <inheritdoc/>
    public Task<IReadOnlyList<VirtualMachine>> ListVirtualMachinesAsync(CancellationToken cancel) => host.ForAsync(null, "list its VMs", async () =>
    {
        // Five questions for the whole host, however many VMs it has, each for what is read of the answer and no more.
        var systems = await host.QueryAsync(HostRows.Systems, cancel);
        var settings = await host.QueryAsync(HostRows.Settings, cancel);
        // A realized VM's settings carry its id, a checkpoint's its own and the VM's beside it.
        var own = settings.ToLookup(Owner);
        var checkpoints = settings.Where(s => s.Text("VirtualSystemType")?.StartsWith(HyperVNames.SnapshotTypes, StringComparison.Ordinal) == true)
            .ToLookup(s => Guid.TryParse(s.Text("VirtualSystemIdentifier"), out var id) ? id : (Guid?)null);
        var disks = (await host.QueryAsync(HostRows.Disks, cancel)).ToLookup(Owner);
        var drives = (await host.QueryAsync(HostRows.Drives, cancel)).ToLookup(Owner);
        var adapters = (await host.QueryAsync(HostRows.Adapters, cancel)).ToLookup(Owner);
        var machines = new List<VirtualMachine>();
        foreach (var system in systems.Where(s => s.Text("CreationClassName") == HyperVNames.ComputerSystem))
        {
            // A VM without settings was deleted between two of the questions.
            if (VmId(system) is not { } id || own[id].FirstOrDefault() is not { } realized) continue;
            machines.Add(SettingsReader.VirtualMachine(id, system, realized, disks[id]) with
            {
                PassThroughDisks = SettingsReader.PassThroughDisks(drives[id]),
                Adapters = SettingsReader.Adapters(adapters[id]),
                Checkpoints = Labels(checkpoints[id]),
            });
        }
        return (IReadOnlyList<VirtualMachine>)machines;
    });

    /// <inheritdoc/>
    public Task<VirtualMachine?> FindVirtualMachineAsync(Guid vmId, CancellationToken cancel) =>
        host.ForAsync(vmId, "tell its settings", async () =>
        {
            if (await FindWithSettingsAsync(HyperVNames.ComputerSystem, vmId, cancel) is not var (machine, reference)) return null;
            const string components = "Msvm_VirtualSystemSettingDataComponent";
            var drives = await host.QueryAsync(Wql.Associators(reference, components, HyperVNames.ResourceSetting), cancel);
            var adapters = await host.QueryAsync(Wql.Associators(reference, components, HyperVNames.EthernetSetting), cancel);
            return machine with
            {
                PassThroughDisks = SettingsReader.PassThroughDisks(drives),
                Adapters = SettingsReader.Adapters(adapters),
                Checkpoints = Labels(await SnapshotsOfAsync(vmId, cancel)),
            };
        });

    /// <inheritdoc/>
    public Task<bool> IsMergingAsync(Guid vmId, CancellationToken cancel) => host.ForAsync(vmId, "tell whether its disks merge", async () =>
    {
        var machine = await FindAsync(HyperVNames.ComputerSystem, vmId, cancel);
        if (machine is null) return false;
        if (machine.OperationalStatus.Any(s => s is MergingDisks or DeletingSnapshot)) return true;
        // The status is not set at every moment of a merge; a leaf that no checkpoint accounts for is a merge that has not ended.
        return machine.Disks.Any(d => IsLeaf(d.Path)) && (await SnapshotsOfAsync(vmId, cancel)).Count == 0;
    });

    private async Task<VirtualMachine?> FindAsync(string className, Guid id, CancellationToken cancel) =>
        (await FindWithSettingsAsync(className, id, cancel))?.Machine;

    private async Task<(VirtualMachine Machine, EndpointReference Settings)?> FindWithSettingsAsync(
        string className, Guid id, CancellationToken cancel)
    {
        var rows = await host.QueryAsync(Wql.SelectWhere(className, "Name", HyperVNames.Text(id)), cancel);
        return rows.FirstOrDefault(r => r.Is(className) && VmId(r) == id) is { } system ? await ReadAsync(className, id, system, cancel) : null;
    }

    private async Task<(VirtualMachine Machine, EndpointReference Settings)?> ReadAsync(
        string className, Guid id, CimInstance system, CancellationToken cancel)
    {
        if (await SettingsOfAsync(HyperVNames.System(className, id), cancel) is not [var settings, ..]) return null;
        var reference = HyperVNames.Instance(HyperVNames.Settings, settings.Required("InstanceID"));
        return (SettingsReader.VirtualMachine(id, system, settings, await DisksOfAsync(reference, cancel)), reference);
    }

    private static IReadOnlyList<Checkpoint> Labels(IEnumerable<CimInstance> settings) =>
        [.. settings.Select(s => SettingsReader.Checkpoint(s, [])).OrderBy(c => c.Created)];

    private static Guid? Owner(CimInstance row) => SettingsReader.Owner(row.Required("InstanceID"));

    private static Guid? VmId(CimInstance system) => Guid.TryParseExact(system.Text("Name"), "D", out var id) ? id : null;

    private static bool IsLeaf(string path) =>
        path.EndsWith(".avhdx", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".avhd", StringComparison.OrdinalIgnoreCase);
}
