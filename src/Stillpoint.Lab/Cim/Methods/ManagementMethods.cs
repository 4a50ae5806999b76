namespace Stillpoint.Lab;

/// <summary>Methods of Msvm_VirtualSystemManagementService that move whole VMs, and RequestStateChange (A.1, A.6 and F.3 of the notes).</summary>
internal sealed class ManagementMethods(HostContext host, MachineLookup lookup, PlannedMachines planned, PowerStates power, DiskMerges merges)
{
    private const string Service = "Msvm_VirtualSystemManagementService";

    /// <summary>All of them.</summary>
    public IEnumerable<CimMethod> All() =>
    [
        CimMethod.Of(Service, "ImportSystemDefinition", "string SystemDefinitionFile, string SnapshotFolder, boolean GenerateNewSystemIdentifier",
            Import),
        CimMethod.Of(Service, "ImportSnapshotDefinitions", "ref PlannedSystem, string SnapshotFolder", _ =>
            new MethodResult(MethodResult.NotSupported)),
        CimMethod.Of(Service, "ValidatePlannedSystem", "ref PlannedSystem", Validate),
        CimMethod.Of(Service, "RealizePlannedSystem", "ref PlannedSystem", Realize),
        CimMethod.Of(Service, "DestroySystem", "ref AffectedSystem", Destroy),
        CimMethod.Of(Service, "ExportSystemDefinition", "ref ComputerSystem, string ExportDirectory, string ExportSettingData",
            _ => new MethodResult(MethodResult.NotSupported)),
        CimMethod.Of(Service, "ModifyDiskMergeSettings", "string SettingData", ModifyMerge),
        CimMethod.Of("Msvm_ComputerSystem", "RequestStateChange", "uint16 RequestedState, datetime TimeoutPeriod", ChangeState),
    ];

    private MethodResult ModifyMerge(MethodCall call)
    {
        CimText setting;
        try
        {
            setting = CimText.Parse(call.Text("SettingData") ?? "");
        }
        catch (FormatException)
        {
            return new MethodResult(MethodResult.IncorrectDataType);
        }
        if (lookup.Owner(setting.Text("InstanceID")) is not { } owner || setting.Text("EnabledState") is not ("0" or "1"))
            return new MethodResult(MethodResult.InvalidParameter);
        host.State.Change(_ => owner.Machine.MergingDisabled = setting.Text("EnabledState") == "0");
        if (!owner.Machine.MergingDisabled) merges.Begin(owner.Machine);
        return new MethodResult(MethodResult.Done);
    }

    private MethodResult Import(MethodCall call)
    {
        if (call.Text("SystemDefinitionFile") is not { } file) return new MethodResult(MethodResult.InvalidParameter);
        var newId = call.Flag("GenerateNewSystemIdentifier");
        var job = host.Jobs.Start(JobType.Import, "Importing Virtual Machine", [], "", claim: null, (job, _) =>
        {
            if (host.Faults.Fires("import-fails", null)) throw new JobFailedException("Failed to import a virtual machine. (0x80004005)");
            job.Created.Add(planned.Import(file, newId).Path);
            return Task.CompletedTask;
        });
        return MethodResult.Job(job.Path);
    }

    private MethodResult Validate(MethodCall call)
    {
        var machine = Planned(call);
        return Start(machine, JobType.ValidatePlanned, "Validating Planned Virtual Machine", (_, _) =>
        {
            if (host.Faults.Fires("validate-fails", null)) throw new JobFailedException("The planned virtual machine is not valid on this host. (0x80004005)");
            Machines.CheckDisks(host, machine);
            return Task.CompletedTask;
        });
    }

    private MethodResult Realize(MethodCall call)
    {
        var machine = Planned(call);
        return Start(machine, JobType.RealizePlanned, "Realizing Planned Virtual Machine", (job, _) =>
        {
            if (host.Faults.Fires("realize-fails", null)) throw new JobFailedException("The planned virtual machine could not be realized. (0x80004005)");
            planned.Realize(machine);
            job.Created.Add(machine.Path);
            return Task.CompletedTask;
        });
    }

    private MethodResult Destroy(MethodCall call)
    {
        var machine = lookup.Machine(call.Reference("AffectedSystem"));
        if (host.State.Read(_ => machine.Power is PowerState.Running or PowerState.Paused || machine.MergePending))
        {
            return new MethodResult(MethodResult.InvalidState);
        }
        return Start(machine, JobType.DestroySystem, "Deleting Virtual Machine", (_, _) =>
        {
            planned.Destroy(machine);
            return Task.CompletedTask;
        });
    }

    private MethodResult ChangeState(MethodCall call)
    {
        var machine = Guid.TryParse((string?)call.Target["Name"], out _) ? lookup.Machine(call.Target.Path) : null;
        if (machine is null) return new MethodResult(MethodResult.NotSupported);
        var target = (int)call.Number("RequestedState");
        var from = host.State.Read(_ => machine.Power);
        if ((int)from == target) return new MethodResult(MethodResult.Done);
        if (!PowerStates.May(from, target)) return new MethodResult(MethodResult.InvalidState);
        return Start(machine, JobType.ChangeState, "Changing State of Virtual Machine", (_, cancel) => power.ChangeAsync(machine, target, cancel));
    }

    private Machine Planned(MethodCall call) => lookup.Machine(call.Reference("PlannedSystem")) is { IsPlanned: true } machine
        ? machine : throw new CimException(CimException.InvalidParameter, "Invalid parameter ");

    private MethodResult Start(Machine machine, JobType type, string caption, Func<LabJob, CancellationToken, Task> work)
    {
        if (host.State.TryBegin(machine, Activity.Other) is not { } claim) return new MethodResult(MethodResult.InvalidState);
        var (path, name) = host.State.Read(_ => (machine.Path, machine.Settings.Name));
        return MethodResult.Job(host.Jobs.Start(type, caption, [path], name, claim, work).Path);
    }
}
