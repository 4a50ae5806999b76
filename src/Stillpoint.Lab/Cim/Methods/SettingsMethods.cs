namespace Stillpoint.Lab;

/// <summary>Methods of Msvm_VirtualSystemManagementService that change settings: system, disks, network connections.</summary>
internal sealed class SettingsMethods(HostContext host, MachineLookup lookup)
{
    private const string Service = "Msvm_VirtualSystemManagementService";
    private const string Disk = "Msvm_StorageAllocationSettingData";
    private const string Connection = "Msvm_EthernetPortAllocationSettingData";

    /// <summary>Properties that a client may send and that change nothing the lab keeps.</summary>
    private static readonly HashSet<string> Ignored = new(StringComparer.OrdinalIgnoreCase)
    {
        "LogDataRoot", "SuspendDataRoot", "GuestStateDataRoot", "AutomaticStartupAction", "AutomaticStartupActionDelay", "AutomaticShutdownAction",
        "AutomaticRecoveryAction", "UserSnapshotType", "IncrementalBackupEnabled", "AutomaticSnapshotsEnabled", "BIOSNumLock", "LockOnDisconnect",
    };

    /// <summary>All of them.</summary>
    public IEnumerable<CimMethod> All() =>
    [
        CimMethod.Of(Service, "ModifySystemSettings", "string SystemSettings", ModifySystem),
        CimMethod.Of(Service, "ModifyResourceSettings", "string[] ResourceSettings", ModifyResources),
        CimMethod.Of(Service, "RemoveResourceSettings", "ref[] ResourceSettings", RemoveResources),
    ];

    private MethodResult ModifySystem(MethodCall call)
    {
        if (Read(call.Text("SystemSettings")) is not { } settings) return new MethodResult(MethodResult.IncorrectDataType);
        if (!LabText.TryParseInstanceId(settings.Text("InstanceID"), out var id, out _)) return new MethodResult(MethodResult.InvalidParameter);
        var owner = host.State.Read(all => all.FirstOrDefault(m => m.Id == id || m.Checkpoints.Exists(c => c.Id == id)));
        if (owner is null) return new MethodResult(MethodResult.InvalidParameter);
        return Start(owner, "Modifying Virtual Machine Settings", () =>
        {
            host.State.Change(_ =>
            {
                var at = owner.Checkpoints.FindIndex(c => c.Id == id);
                if (at < 0) owner.Settings = Apply(owner.Settings, settings);
                else owner.Checkpoints[at] = owner.Checkpoints[at] with { Settings = Apply(owner.Checkpoints[at].Settings, settings) };
                owner.ConfigurationChanged = host.Clock.Now;
            });
            if (owner.Id == id && !owner.IsPlanned) ConfigurationFile.Write(host.Paths, owner.Settings.ConfigurationPath, owner.Settings);
        });
    }

    /// <summary>Refuses what a host refuses: a client that sends a whole instance back, with properties that cannot be set.</summary>
    private static MachineSettings Apply(MachineSettings settings, CimText change)
    {
        foreach (var (name, value) in change.Values)
        {
            var text = change.Text(name);
            settings = name.ToUpperInvariant() switch
            {
                "INSTANCEID" => settings,
                "ELEMENTNAME" when text is { Length: > 0 and <= 100 } => settings with { Name = text },
                "NOTES" => settings with { Notes = text ?? "" },
                "CONFIGURATIONDATAROOT" when text is not null => settings with { ConfigurationRoot = text.TrimEnd('\\') },
                "SNAPSHOTDATAROOT" when text is not null => settings with { SnapshotRoot = text.TrimEnd('\\') },
                "SWAPFILEDATAROOT" when text is not null => settings with { PagingRoot = text.TrimEnd('\\') },
                _ when Ignored.Contains(name) || value is null => settings,
                _ => throw new JobFailedException(
                    $"Failed to modify the virtual machine. The property '{name}' is not valid for this operation.", 32773),
            };
        }
        return settings;
    }

    private MethodResult ModifyResources(MethodCall call)
    {
        var changes = new List<(Machine Machine, Func<MachineSettings, MachineSettings> Apply, CimPath Path)>();
        foreach (var text in call.Texts("ResourceSettings"))
        {
            if (Read(text) is not { } change) return new MethodResult(MethodResult.IncorrectDataType);
            var id = change.Text("InstanceID");
            if (lookup.Owner(id) is not { } owner || Changed(change, owner.Machine, owner.Slot) is not { } apply)
            {
                return new MethodResult(MethodResult.InvalidParameter);
            }
            changes.Add((owner.Machine, apply, new CimPath(change.ClassName, ("InstanceID", id!))));
        }
        if (changes.Count == 0 || changes.DistinctBy(c => c.Machine).Count() != 1) return new MethodResult(MethodResult.InvalidParameter);
        var machine = changes[0].Machine;
        if (host.State.Read(_ => machine.Checkpoints.Count > 0 || machine.Power != PowerState.Off))
        {
            return new MethodResult(MethodResult.InvalidState);
        }
        return Start(machine, "Modifying Virtual Machine Resources", () => host.State.Change(_ =>
        {
            foreach (var change in changes) machine.Settings = change.Apply(machine.Settings);
            machine.ConfigurationChanged = host.Clock.Now;
        }), [.. changes.Select(c => c.Path)]);
    }

    private Func<MachineSettings, MachineSettings>? Changed(CimText change, Machine machine, string rest)
    {
        var settings = host.State.Read(_ => machine.Settings);
        if (change.ClassName.Equals(Disk, StringComparison.OrdinalIgnoreCase))
        {
            var slot = settings.Disks.FirstOrDefault(d => rest.Equals(d.Key + @"\L", StringComparison.OrdinalIgnoreCase));
            if (slot is null) return null;
            if (!change.Values.ContainsKey("HostResource")) return s => s;
            if (change.Text("HostResource") is not { Length: > 3 } path) return null;
            return s => s with { Disks = [.. s.Disks.Select(d =>
                d.Key == slot.Key ? d with { Path = path, Base = path, Disk = host.Clock.NewId() } : d)] };
        }
        if (change.ClassName.Equals(Connection, StringComparison.OrdinalIgnoreCase))
        {
            var adapter = settings.Adapters.FirstOrDefault(a => rest.Equals($@"{LabText.Upper(a.Id)}\C", StringComparison.OrdinalIgnoreCase));
            if (adapter is null) return null;
            return s => s with { Adapters = [.. s.Adapters.Select(a => a.Id == adapter.Id ? Changed(a, change) : a)] };
        }
        return null;
    }

    private static Adapter Changed(Adapter adapter, CimText change)
    {
        if (change.Values.ContainsKey("HostResource"))
        {
            adapter = adapter with { Switch = change.Text("HostResource") is { Length: > 0 } connected ? connected : null };
        }
        if (int.TryParse(change.Text("EnabledState"), out var state)) adapter = adapter with { Enabled = state == 2 };
        return adapter;
    }

    private MethodResult RemoveResources(MethodCall call)
    {
        var paths = call.References("ResourceSettings");
        if (paths.Count == 0) return new MethodResult(MethodResult.InvalidParameter);
        var owners = paths.Select(p => lookup.Owner(p["InstanceID"])).ToArray();
        if (owners.Any(o => o is null) || owners.Select(o => o!.Value.Machine).Distinct().Count() != 1)
        {
            return new MethodResult(MethodResult.InvalidParameter);
        }
        var machine = owners[0]!.Value.Machine;
        if (host.State.Read(_ => machine.Checkpoints.Count > 0 || machine.Power != PowerState.Off))
        {
            return new MethodResult(MethodResult.InvalidState);
        }
        // A drive goes with its disk in the lab's model, so taking the drive row away afterwards finds nothing left to do.
        return Start(machine, "Removing Virtual Machine Resources", () => host.State.Change(_ =>
        {
            foreach (var rest in owners.Select(o => o!.Value.Slot))
            {
                machine.Settings = machine.Settings with
                {
                    Disks = [.. machine.Settings.Disks.Where(d => !rest.Equals(d.Key + @"\L", StringComparison.OrdinalIgnoreCase))],
                    Outside = [.. machine.Settings.Outside.Where(d => !rest.Equals(
                        d.Key + (d.Path is null ? @"\D" : @"\L"), StringComparison.OrdinalIgnoreCase))],
                    Adapters = [.. machine.Settings.Adapters.Where(a => !rest.StartsWith(LabText.Upper(a.Id), StringComparison.OrdinalIgnoreCase))],
                };
            }
        }));
    }

    private static CimText? Read(string? text)
    {
        try
        {
            return text is null ? null : CimText.Parse(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private MethodResult Start(Machine machine, string caption, Action work, CimPath[]? resulting = null)
    {
        if (host.State.TryBegin(machine, Activity.Other) is not { } claim) return new MethodResult(MethodResult.InvalidState);
        var (path, name) = host.State.Read(_ => (machine.Path, machine.Settings.Name));
        var job = host.Jobs.Start(JobType.ModifySettings, caption, [path], name, claim, (job, _) =>
        {
            work();
            job.Created.AddRange(resulting ?? []);
            return Task.CompletedTask;
        });
        return MethodResult.Job(job.Path);
    }
}
