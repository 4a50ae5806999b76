namespace Stillpoint.Lab;

/// <summary>Methods of Msvm_VirtualSystemSnapshotService and Msvm_VirtualSystemReferencePointService (hyper-v MOF, A.4 and A.5 of the
/// notes).</summary>
internal sealed class SnapshotMethods(HostContext host, MachineLookup lookup, Checkpoints checkpoints)
{
    private const string Service = "Msvm_VirtualSystemSnapshotService";
    private const string PointService = "Msvm_VirtualSystemReferencePointService";
    private const int FullSnapshot = 2;
    private const int RecoverySnapshot = 32768;
    private const int CrashConsistent = 2;

    /// <summary>All of them.</summary>
    public IEnumerable<CimMethod> All() =>
    [
        CimMethod.Of(Service, "CreateSnapshot", "ref AffectedSystem, string SnapshotSettings, uint16 SnapshotType, ref ResultingSnapshot", Create),
        CimMethod.Of(Service, "ApplySnapshot", "ref Snapshot", Apply),
        CimMethod.Of(Service, "DestroySnapshot", "ref AffectedSnapshot", Destroy),
        CimMethod.Of(Service, "DestroySnapshotTree", "ref SnapshotSettingData", DestroyTree),
        CimMethod.Of(Service, "ClearSnapshotState", "ref SnapshotSettingData", _ => new MethodResult(MethodResult.NotSupported)),
        CimMethod.Of(Service, "ConvertToReferencePoint", "ref AffectedSnapshot, string ReferencePointSettings, ref ResultingReferencePoint", Convert),
        CimMethod.Of(PointService, "CreateReferencePoint",
            "ref AffectedSystem, string ReferencePointSettings, uint16 ReferencePointType, ref ResultingReferencePoint", CreatePoint),
        CimMethod.Of(PointService, "DestroyReferencePoint", "ref AffectedReferencePoint", DestroyPoint),
        CimMethod.Of(PointService, "ExportReferencePoint", "ref ReferencePoint, string ExportDirectory, string ExportSettingData",
            _ => new MethodResult(MethodResult.NotSupported)),
        CimMethod.Of(PointService, "ImportReferencePointMetadata", "ref AffectedSystem, string ConfigFilePath, string RuntimeStateFilePath",
            _ => new MethodResult(MethodResult.NotSupported)),
        CimMethod.Of(PointService, "RemoveAssociatedData", "ref AffectedReferencePoint", _ => new MethodResult(MethodResult.NotSupported)),
    ];

    private MethodResult Create(MethodCall call)
    {
        var machine = lookup.Machine(call.Reference("AffectedSystem"));
        var type = (int)call.Number("SnapshotType");
        if (type is not (FullSnapshot or RecoverySnapshot)) return new MethodResult(MethodResult.InvalidParameter);
        var kind = type == RecoverySnapshot ? CheckpointKind.Recovery : CheckpointKind.User;
        if (ReadConsistency(call.Text("SnapshotSettings"), "Msvm_VirtualSystemSnapshotSettingData") is not { } consistency)
        {
            return new MethodResult(MethodResult.IncorrectDataType);
        }
        if (host.State.Read(_ => machine.Power) == PowerState.Starting) return new MethodResult(MethodResult.InvalidState);
        var skips = SkipsOutside(call.Text("SnapshotSettings"));
        return Start(machine, Activity.CreatingSnapshot, JobType.CreateSnapshot, "Creating Virtual Machine Checkpoint", async (job, cancel) =>
        {
            if (!skips && host.State.Read(_ => machine.Settings.Outside.Count > 0))
            {
                throw new JobFailedException($"Checkpoint operation for '{machine.Settings.Name}' failed: checkpoints of a virtual machine with "
                    + "pass-through or shared disks are not supported. (0x80070032)");
            }
            var made = await checkpoints.TakeAsync(machine, kind, consistency, cancel);
            job.Created.Add(new CimPath("Msvm_VirtualSystemSettingData", ("InstanceID", LabText.InstanceId(made.Id))));
        });
    }

    private MethodResult Apply(MethodCall call)
    {
        var (machine, checkpoint) = lookup.Checkpoint(call.Reference("Snapshot"));
        var fit = host.State.Read(_ => machine.Power is PowerState.Off or PowerState.Saved
            && checkpoint.Kind == CheckpointKind.User && machine.Checkpoints.TrueForAll(c => c.Kind == CheckpointKind.User));
        return fit
            ? Start(machine, Activity.ApplyingSnapshot, JobType.ApplySnapshot, "Applying Virtual Machine Checkpoint",
                (_, cancel) => checkpoints.ApplyAsync(machine, checkpoint, cancel))
            : new MethodResult(MethodResult.InvalidState);
    }

    private MethodResult Destroy(MethodCall call)
    {
        var (machine, checkpoint) = lookup.Checkpoint(call.Reference("AffectedSnapshot"));
        return Start(machine, Activity.DeletingSnapshot, JobType.DeleteSnapshot, "Deleting Virtual Machine Checkpoint",
            (_, cancel) => checkpoints.DestroyAsync(machine, checkpoint, cancel));
    }

    private MethodResult DestroyTree(MethodCall call)
    {
        var (machine, root) = lookup.Checkpoint(call.Reference("SnapshotSettingData"));
        return Start(machine, Activity.DeletingSnapshot, JobType.DeleteSnapshot, "Deleting Virtual Machine Checkpoint Subtree", async (_, cancel) =>
        {
            foreach (var one in host.State.Read(_ => Below(machine, root).ToArray())) await checkpoints.DestroyAsync(machine, one, cancel);
        });
    }

    private MethodResult Convert(MethodCall call)
    {
        var (machine, checkpoint) = lookup.Checkpoint(call.Reference("AffectedSnapshot"));
        if (checkpoint.Kind != CheckpointKind.Recovery || !checkpoint.Settings.Tracks) return new MethodResult(MethodResult.InvalidState);
        return Start(machine, Activity.DeletingSnapshot, JobType.ConvertToReferencePoint, "Converting Checkpoint to Reference Point", (job, _) =>
        {
            job.Created.Add(ReferencePoints.PathOf(checkpoints.Convert(machine, checkpoint)));
            return Task.CompletedTask;
        });
    }

    private MethodResult CreatePoint(MethodCall call)
    {
        var machine = lookup.Machine(call.Reference("AffectedSystem"));
        if (ReadConsistency(call.Text("ReferencePointSettings"), "Msvm_VirtualSystemReferencePointSettingData") is not { } consistency)
        {
            return new MethodResult(MethodResult.IncorrectDataType);
        }
        return Start(machine, Activity.Other, JobType.CreateReferencePoint, "Creating Reference Point", async (job, cancel) =>
            job.Created.Add(ReferencePoints.PathOf(await checkpoints.PointAsync(machine, consistency, cancel))));
    }

    private MethodResult DestroyPoint(MethodCall call)
    {
        var (machine, point) = lookup.ReferencePoint(call.Reference("AffectedReferencePoint"));
        return Start(machine, Activity.Other, JobType.DestroyReferencePoint, "Destroying Reference Point",
            (_, cancel) => checkpoints.DestroyAsync(machine, point, cancel));
    }

    private MethodResult Start(Machine machine, Activity activity, JobType type, string caption, Func<LabJob, CancellationToken, Task> work)
    {
        if (host.State.TryBegin(machine, activity) is not { } claim) return new MethodResult(MethodResult.InvalidState);
        var (path, name) = host.State.Read(_ => (machine.Path, machine.Settings.Name));
        return MethodResult.Job(host.Jobs.Start(type, caption, [path], name, claim, work).Path);
    }

    private static IEnumerable<Checkpoint> Below(Machine machine, Checkpoint root) =>
        machine.Checkpoints.Where(c => c.Parent == root.Id).SelectMany(c => Below(machine, c)).Append(root);

    private static bool SkipsOutside(string? text) =>
        text is not null && CimText.Parse(text).Text("IgnoreNonSnapshottableDisks") is { } flag && flag.Equals("true", StringComparison.OrdinalIgnoreCase);

    /// <summary>1 or 2; 2 when nothing is said; null when the text is no such settings.</summary>
    private static int? ReadConsistency(string? text, string className)
    {
        if (text is null) return CrashConsistent;
        try
        {
            var settings = CimText.Parse(text);
            if (!settings.ClassName.Equals(className, StringComparison.OrdinalIgnoreCase)) return null;
            return int.TryParse(settings.Text("ConsistencyLevel"), out var level) && level is 1 or 2 ? level : CrashConsistent;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
