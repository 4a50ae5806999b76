namespace Stillpoint.Lab;

/// <summary>Which settings, checkpoints, reference points and resources belong to which VM.</summary>
internal sealed class Associations(CimSchema schema, HostContext host) : CimSource(schema, host)
{
    private static readonly string[] Components =
    [
        "Msvm_StorageAllocationSettingData", "Msvm_ResourceAllocationSettingData", "Msvm_SyntheticEthernetPortSettingData",
        "Msvm_EthernetPortAllocationSettingData",
    ];

    /// <inheritdoc/>
    public override void Register(CimRepository repository)
    {
        repository.Add("Msvm_SettingsDefineState", () => ForMachines(m => [Pair("Msvm_SettingsDefineState", m.Path, Settings(m.Id))]));
        repository.Add("Msvm_SnapshotOfVirtualSystem",
            () => ForMachines(m => m.Checkpoints.Select(c => Pair("Msvm_SnapshotOfVirtualSystem", m.Path, Settings(c.Id)))));
        repository.Add("Msvm_ReferencePointOfVirtualSystem",
            () => ForMachines(m => m.ReferencePoints.Select(r => Pair("Msvm_ReferencePointOfVirtualSystem", m.Path, ReferencePoints.PathOf(r)))));
        repository.Add("Msvm_MostCurrentSnapshotInBranch", () => ForMachines(m => Branch(m)
            .Select(c => Pair("Msvm_MostCurrentSnapshotInBranch", m.Path, Settings(c.Id)))));
        repository.Add("Msvm_LastAppliedSnapshot", () => ForMachines(m => m.Checkpoints.Where(c => c.Id == m.LastApplied)
            .Select(c => Pair("Msvm_LastAppliedSnapshot", Settings(c.Id), m.Path))));
        repository.Add("Msvm_ParentChildSettingData", () => ForMachines(m => m.Checkpoints.Where(c => c.Parent is not null)
            .Select(c => Pair("Msvm_ParentChildSettingData", Settings(c.Parent!.Value), Settings(c.Id)))));
        repository.Add("Msvm_VirtualSystemSettingDataComponent", () => Components.SelectMany(repository.Instances).Select(Component));
        repository.Add("Msvm_ElementSettingData", () => []);
    }

    /// <summary>A VM's newest user checkpoint, or the one it was taken back to.</summary>
    private static IEnumerable<Checkpoint> Branch(Machine machine)
    {
        var newest = machine.Checkpoints.LastOrDefault(c => c.Kind == CheckpointKind.User);
        var applied = machine.Checkpoints.Find(c => c.Id == machine.LastApplied);
        return (applied ?? newest) is { } current ? [current] : [];
    }

    private CimInstance Component(CimInstance part)
    {
        var id = (string)part["InstanceID"]!;
        _ = LabText.TryParseInstanceId(id, out var owner, out _);
        return Pair("Msvm_VirtualSystemSettingDataComponent", Settings(owner), part.Path);
    }

    /// <summary>An association whose first reference property by name is the first argument; the classes used here all have it so.</summary>
    private CimInstance Pair(string className, CimPath first, CimPath second)
    {
        var instance = New(className);
        var ends = instance.Class.Keys;
        return instance.With((ends[0].Name, first), (ends[1].Name, second));
    }
}
