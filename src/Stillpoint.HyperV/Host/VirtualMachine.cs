using Stillpoint.Model;

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
/// <param name="Disks">Its virtual hard disks, shared ones among them.</param>
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
    /// <summary>First configuration version with resilient change tracking.</summary>
    public static Version TrackingVersion { get; } = new(6, 2);

    /// <summary>Physical disks of the host that were given to the VM whole, by instance id. No checkpoint holds them: a backup of the VM is
    /// without them, and must say so.</summary>
    public IReadOnlyList<string> PassThroughDisks { get; init; } = [];

    /// <summary>Its network adapters; empty where they were not asked for.</summary>
    public IReadOnlyList<NetworkAdapter> Adapters { get; init; } = [];

    /// <summary>Its checkpoints, oldest first, without their disks; empty where they were not asked for.</summary>
    public IReadOnlyList<Checkpoint> Checkpoints { get; init; } = [];

    /// <summary>Its part in Hyper-V Replica.</summary>
    public ReplicationRole Replication { get; init; }

    /// <summary>The disks that a checkpoint of this VM alone holds.</summary>
    public IEnumerable<VirtualDiskSetting> OwnDisks => Disks.Where(d => !d.IsShared);

    /// <summary>False when the configuration version is too old for change tracking; true also where the host tells no version.</summary>
    public bool CanTrackChanges => !Version.TryParse(ConfigurationVersion, out var version) || version >= TrackingVersion;
}

/// <summary>A virtual hard disk in a VM or a checkpoint (<c>Msvm_StorageAllocationSettingData</c>).</summary>
/// <param name="SettingId">The slot: instance id without the leading <c>Microsoft:GUID\</c> of its owner, so that the same slot of a VM and
/// of its checkpoints compare equal.</param>
/// <param name="InstanceId">The whole instance id.</param>
/// <param name="Path">Host path of the file (<c>HostResource[0]</c>).</param>
public sealed record VirtualDiskSetting(string SettingId, string InstanceId, string Path)
{
    /// <summary>True when several VMs may write to it (<c>PersistentReservationsSupported</c>, or a VHD Set): no checkpoint of one VM holds it.</summary>
    public bool IsShared { get; init; }

    /// <summary>What the name of the file says of its format.</summary>
    public VmDiskKind Kind => Path[(Path.LastIndexOf('.') + 1)..].ToUpperInvariant() switch
    {
        "VHDX" or "AVHDX" => VmDiskKind.Vhdx,
        "VHD" or "AVHD" => VmDiskKind.Vhd,
        "VHDS" => VmDiskKind.VhdSet,
        _ => VmDiskKind.Other,
    };
}

/// <summary>A network adapter of a VM (<c>Msvm_EthernetPortAllocationSettingData</c>).</summary>
/// <param name="SettingId">The setting: instance id without the leading <c>Microsoft:GUID\</c> of its owner.</param>
/// <param name="Switch">Name of the switch it was last connected to; null for none.</param>
/// <param name="IsConnected">False when it is disconnected (<c>EnabledState</c> 3).</param>
public sealed record NetworkAdapter(string SettingId, string? Switch, bool IsConnected);

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
public sealed record PlannedChanges(string Name, string Folder, IReadOnlyDictionary<string, string> DiskPaths)
{
    /// <summary>Which switch each network adapter gets.</summary>
    public NetworkMap Network { get; init; } = NetworkMap.Disconnected;
}
