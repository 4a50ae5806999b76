namespace Stillpoint.HyperV;

/// <summary>What a VM is doing (<c>Msvm_ComputerSystem.EnabledState</c>).</summary>
public enum VirtualMachineState
{
    Other,
    Running,
    Off,
    Saved,
    Paused,
}

/// <summary>A VM of a host, realized or planned.</summary>
/// <param name="Id"><c>Msvm_ComputerSystem.Name</c>.</param>
/// <param name="Name"><c>ElementName</c>; not unique.</param>
/// <param name="State">What it is doing.</param>
/// <param name="Generation">1 or 2.</param>
/// <param name="ConfigurationVersion">For example <c>9.0</c>.</param>
/// <param name="ConfigurationPath">Host path of the configuration file.</param>
/// <param name="OperationalStatus">The host's own numbers; the second, when there, says what goes on
/// (32768 creating a snapshot, 32772 merging, 32776 backing up).</param>
/// <param name="Disks">Its virtual hard disks.</param>
public sealed record VirtualMachine(
    Guid Id,
    string Name,
    VirtualMachineState State,
    int Generation,
    string ConfigurationVersion,
    string ConfigurationPath,
    IReadOnlyList<int> OperationalStatus,
    IReadOnlyList<VirtualDiskSetting> Disks)
{
    /// <summary>Physical disks of the host that were given to the VM whole, by instance id. No checkpoint holds them: a backup of the VM is
    /// without them, and must say so.</summary>
    public IReadOnlyList<string> PassThroughDisks { get; init; } = [];
}

/// <summary>A virtual hard disk in a VM or a checkpoint (<c>Msvm_StorageAllocationSettingData</c>).</summary>
/// <param name="SettingId">The slot: instance id without the leading <c>Microsoft:GUID\</c> of its owner, so that the same slot of a VM and
/// of its checkpoints compare equal.</param>
/// <param name="InstanceId">The whole instance id.</param>
/// <param name="Path">Host path of the file (<c>HostResource[0]</c>).</param>
public sealed record VirtualDiskSetting(string SettingId, string InstanceId, string Path);

/// <summary>What kind of checkpoint it is (<c>VirtualSystemType</c>).</summary>
public enum CheckpointKind
{
    Other,

    /// <summary>Taken by a person: <c>Microsoft:Hyper-V:Snapshot:Realized</c>.</summary>
    User,

    /// <summary>Taken for a backup, ours or another product's: <c>Microsoft:Hyper-V:Snapshot:Recovery</c>.</summary>
    Recovery,
}

/// <summary>A checkpoint of a VM.</summary>
/// <param name="Id">Instance id of its settings.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What kind.</param>
/// <param name="Created">When, UTC, by the host's clock.</param>
/// <param name="ConfigurationPath">Host path of its configuration file.</param>
/// <param name="Disks">Its frozen disks.</param>
public sealed record Checkpoint(
    string Id, string Name, CheckpointKind Kind, DateTimeOffset Created, string ConfigurationPath, IReadOnlyList<VirtualDiskSetting> Disks);

/// <summary>A reference point: what change tracking counts from.</summary>
/// <param name="Id">Instance id.</param>
/// <param name="Disks">Per disk, its slot and its tracking id.</param>
public sealed record ReferencePoint(string Id, IReadOnlyList<ReferencePointDisk> Disks);

/// <summary>One disk of a reference point.</summary>
/// <param name="SettingId">The slot, as in <see cref="VirtualDiskSetting"/>.</param>
/// <param name="TrackingId">The host's opaque id; null when the host gave none.</param>
public sealed record ReferencePointDisk(string SettingId, string? TrackingId);

/// <summary>What a restore changes on a planned VM.</summary>
/// <param name="Name">New display name.</param>
/// <param name="Folder">Host folder for its configuration, snapshots and paging file.</param>
/// <param name="DiskPaths">Slot to host path of the restored file; every slot of the planned VM must be named.</param>
public sealed record PlannedChanges(string Name, string Folder, IReadOnlyDictionary<string, string> DiskPaths);
