using Stillpoint.Model;

namespace Stillpoint.HyperV;

internal sealed partial class WmiHyperVHost
{
    private const long Disabled = 3;
    private const long Start = 2;

    /// <inheritdoc/>
    public Task<Guid> ImportPlannedAsync(string configurationPath, bool keepId, CancellationToken cancel) =>
        host.ForAsync(null, $"import {configurationPath}", async () =>
        {
            var result = await host.CallAsync(new MethodCall(Management, "ImportSystemDefinition",
                MethodParameter.Text("SystemDefinitionFile", configurationPath),
                MethodParameter.Text("SnapshotFolder", ""),
                MethodParameter.Flag("GenerateNewSystemIdentifier", !keepId)), cancel);
            var made = await host.CreatedAsync(result, "ImportedSystem", HyperVNames.PlannedComputerSystem, cancel);
            return Guid.TryParseExact(made?["Name"], "D", out var id) ? id
                : throw new InvalidAnswerException("the host imported a VM but does not say which");
        });

    /// <inheritdoc/>
    public Task<IReadOnlyList<VirtualMachine>> ListPlannedAsync(CancellationToken cancel) => host.ForAsync(null, "list its planned VMs", async () =>
    {
        var machines = new List<VirtualMachine>();
        foreach (var system in await host.QueryAsync(Wql.SelectAll(HyperVNames.PlannedComputerSystem), cancel))
        {
            if (VmId(system) is not { } id) continue;
            if (await ReadAsync(HyperVNames.PlannedComputerSystem, id, system, cancel) is { } found) machines.Add(found.Machine);
        }
        return (IReadOnlyList<VirtualMachine>)machines;
    });

    /// <inheritdoc/>
    public Task AdjustPlannedAsync(Guid plannedId, PlannedChanges changes, CancellationToken cancel) =>
        host.ForAsync(plannedId, "adjust the planned VM", async () =>
        {
            if (await SettingsOfAsync(HyperVNames.System(HyperVNames.PlannedComputerSystem, plannedId), cancel) is not [var settings, ..])
                throw host.Trouble(plannedId, "is no planned VM of this host.", "Import it again.");
            var settingsId = settings.Required("InstanceID");
            var reference = HyperVNames.Instance(HyperVNames.Settings, settingsId);
            var all = SettingsReader.Disks(await DisksOfAsync(reference, cancel));
            var disks = all.Where(d => !d.IsShared || changes.DiskPaths.ContainsKey(d.SettingId)).ToList();
            RefuseUnlessSameSlots(plannedId, disks, changes.DiskPaths);

            // 0 what no image holds must not be fetched from the original's place: first what is in a drive, then the drive
            var drives = await host.QueryAsync(
                Wql.Associators(reference, "Msvm_VirtualSystemSettingDataComponent", HyperVNames.ResourceSetting), cancel);
            foreach (var shared in all.Except(disks))
            {
                await RemoveResourceAsync(HyperVNames.DiskSetting, shared.InstanceId, cancel);
                var drive = shared.InstanceId[..^1] + "D";
                if (drives.Any(d => string.Equals(d.Text("InstanceID"), drive, StringComparison.OrdinalIgnoreCase)))
                    await RemoveResourceAsync(HyperVNames.ResourceSetting, drive, cancel);
            }
            foreach (var physical in SettingsReader.PassThroughDisks(drives)) await RemoveResourceAsync(HyperVNames.ResourceSetting, physical, cancel);

            // 1 every slot to its restored file
            foreach (var disk in disks) await ModifyResourceAsync(DiskAt(disk, changes.DiskPaths[disk.SettingId]), cancel);

            // 2 no network unless somebody says which: a copy must not answer beside the original
            var switches = changes.Network == NetworkMap.Disconnected ? [] : await SwitchesAsync(cancel);
            foreach (var port in await host.QueryAsync(
                Wql.Associators(reference, "Msvm_VirtualSystemSettingDataComponent", HyperVNames.EthernetSetting), cancel))
            {
                var setting = new EmbeddedInstance(HyperVNames.EthernetSetting).Text("InstanceID", port.Required("InstanceID"));
                // One that was disconnected on purpose has a last switch too, and stays disconnected unless all adapters are asked for.
                var before = port.Number("EnabledState") == Disabled ? null : port.Text("LastKnownSwitchName");
                var wanted = changes.Network.SwitchFor(before is { Length: > 0 } ? before : null);
                if (wanted is not null && !switches.ContainsKey(wanted))
                {
                    throw host.Trouble(plannedId, $"was to be connected to the switch '{wanted}', which this host has not.",
                        $"Name one that it has: {string.Join(", ", switches.Keys)}.");
                }
                if (wanted is null) setting.Number("EnabledState", "uint16", Disabled);
                else setting.Number("EnabledState", "uint16", Enabled).Texts("HostResource", switches[wanted]);
                await ModifyResourceAsync(setting, cancel);
            }

            // 3 its name and where it lives
            await host.CallAsync(new MethodCall(Management, "ModifySystemSettings",
                MethodParameter.Text("SystemSettings", new EmbeddedInstance(HyperVNames.Settings)
                    .Text("InstanceID", settingsId)
                    .Text("ElementName", changes.Name)
                    .Text("ConfigurationDataRoot", changes.Folder)
                    .Text("SnapshotDataRoot", changes.Folder)
                    .Text("SwapFileDataRoot", changes.Folder)
                    .ToString())), cancel);
        });

    /// <inheritdoc/>
    public Task ValidatePlannedAsync(Guid plannedId, CancellationToken cancel) =>
        host.ForAsync(plannedId, "validate the planned VM", () => host.CallAsync(new MethodCall(Management, "ValidatePlannedSystem",
            MethodParameter.Reference("PlannedSystem", HyperVNames.System(HyperVNames.PlannedComputerSystem, plannedId))), cancel));

    /// <inheritdoc/>
    public Task<Guid> RealizePlannedAsync(Guid plannedId, CancellationToken cancel) => host.ForAsync(plannedId, "make the VM real", async () =>
    {
        var result = await host.CallAsync(new MethodCall(Management, "RealizePlannedSystem",
            MethodParameter.Reference("PlannedSystem", HyperVNames.System(HyperVNames.PlannedComputerSystem, plannedId))), cancel);
        var made = await host.CreatedAsync(result, "ResultingSystem", HyperVNames.ComputerSystem, cancel);
        if (Guid.TryParseExact(made?["Name"], "D", out var id)) return id;
        // A planned VM keeps its id when it becomes real; a host that does not name the result is asked for that one.
        return await FindAsync(HyperVNames.ComputerSystem, plannedId, cancel) is { } machine ? machine.Id
            : throw new InvalidAnswerException("the host made a VM real but does not say which");
    });

    /// <inheritdoc/>
    public Task DestroyVirtualMachineAsync(Guid vmId, CancellationToken cancel) => host.ForAsync(vmId, "remove the VM", async () =>
    {
        var className = await ClassOfAsync(vmId, cancel) ?? throw host.Trouble(vmId, "is not on this host.", "Nothing needs to be done here.");
        await host.CallAsync(new MethodCall(Management, "DestroySystem",
            MethodParameter.Reference("AffectedSystem", HyperVNames.System(className, vmId))), cancel);
    });

    /// <inheritdoc/>
    public Task StartAsync(Guid vmId, CancellationToken cancel) => host.ForAsync(vmId, "start the VM", async () =>
    {
        await host.CallAsync(new MethodCall(HyperVNames.System(HyperVNames.ComputerSystem, vmId), "RequestStateChange",
            MethodParameter.Number("RequestedState", Start)), cancel);
        var started = host.Time.GetTimestamp();
        while (true)
        {
            var rows = await host.QueryAsync(Wql.SelectWhere(HyperVNames.ComputerSystem, "Name", HyperVNames.Text(vmId)), cancel);
            if (rows is not [var row, ..]) throw host.Trouble(vmId, "is not on this host any more.", "Look where it went.");
            var state = SettingsReader.State(row);
            if (state == VirtualMachineState.Running) return;
            if (host.Time.GetElapsedTime(started) > host.JobTimeout)
                throw host.Trouble(vmId, $"does not run after {host.JobTimeout}, it is {Words.Of(state)}.", "Look at the VM in the Hyper-V console.");
            await Task.Delay(TimeSpan.FromMilliseconds(250), host.Time, cancel);
        }
    });

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> ListSwitchesAsync(CancellationToken cancel) => host.ForAsync(null, "list its virtual switches",
        async () => (IReadOnlyList<string>)[.. (await SwitchesAsync(cancel)).Keys.Order(StringComparer.OrdinalIgnoreCase)]);

    /// <summary>The host's virtual switches: name to object path, as an embedded instance names one.</summary>
    private async Task<Dictionary<string, string>> SwitchesAsync(CancellationToken cancel)
    {
        var switches = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var row in await host.QueryAsync(Wql.SelectAll(HyperVNames.EthernetSwitch), cancel))
        {
            var path = $"root/virtualization/v2:{HyperVNames.EthernetSwitch}.CreationClassName=\"{HyperVNames.EthernetSwitch}\",Name=\"{row.Required("Name")}\"";
            switches.TryAdd(row.Text("ElementName") ?? "", path);
        }
        return switches;
    }

    private Task<CallResult> RemoveResourceAsync(string className, string instanceId, CancellationToken cancel) => host.CallAsync(
        new MethodCall(Management, "RemoveResourceSettings",
            MethodParameter.References("ResourceSettings", [HyperVNames.Instance(className, instanceId)])), cancel);

    private Task<CallResult> ModifyResourceAsync(EmbeddedInstance changed, CancellationToken cancel) => host.CallAsync(
        new MethodCall(Management, "ModifyResourceSettings", MethodParameter.Texts("ResourceSettings", [changed.ToString()])), cancel);

    private static EmbeddedInstance DiskAt(VirtualDiskSetting disk, string path) => new EmbeddedInstance(HyperVNames.DiskSetting)
        .Text("InstanceID", disk.InstanceId)
        .Texts("HostResource", path);

    private void RefuseUnlessSameSlots(Guid plannedId, IReadOnlyList<VirtualDiskSetting> disks, IReadOnlyDictionary<string, string> paths)
    {
        var missing = disks.Select(d => d.SettingId).Except(paths.Keys).ToArray();
        var unknown = paths.Keys.Except(disks.Select(d => d.SettingId)).ToArray();
        if (missing.Length + unknown.Length == 0) return;
        var what = string.Join("; ", missing.Select(m => $"no file for slot {m}").Concat(unknown.Select(u => $"no slot {u} for a file")));
        throw host.Trouble(plannedId, $"has other disks than the image: {what}.",
            "Restore from an image whose configuration and disks belong together.");
    }

    private async Task<string?> ClassOfAsync(Guid vmId, CancellationToken cancel)
    {
        foreach (var className in new[] { HyperVNames.ComputerSystem, HyperVNames.PlannedComputerSystem })
        {
            var rows = await host.QueryAsync(Wql.SelectWhere(className, "Name", HyperVNames.Text(vmId)), cancel);
            if (rows.Any(r => r.Is(className))) return className;
        }
        return null;
    }
}
