namespace Stillpoint.Model;

/// <summary>What a client found on its host.</summary>
/// <param name="HostName">The host's own name.</param>
/// <param name="Vms">Its VMs.</param>
public sealed record HostInventory(string HostName, IReadOnlyList<VmInventory> Vms);

/// <summary>One VM of a host.</summary>
/// <param name="Id">The VM's id.</param>
/// <param name="Name">Its display name; not unique.</param>
/// <param name="State"><c>running</c>, <c>off</c>, <c>saved</c>, <c>paused</c> or another word of the host's.</param>
/// <param name="Generation">1 or 2.</param>
/// <param name="ConfigurationVersion">For example <c>9.0</c>; change tracking needs 6.2.</param>
/// <param name="Disks">Its disks, those that no backup holds among them.</param>
public sealed record VmInventory(
    Guid Id, string Name, string State, int Generation, string ConfigurationVersion, IReadOnlyList<DiskInventory> Disks)
{
    /// <summary>Its network adapters.</summary>
    public IReadOnlyList<AdapterInventory> Adapters { get; init; } = [];

    /// <summary>Its checkpoints, oldest first.</summary>
    public IReadOnlyList<CheckpointInventory> Checkpoints { get; init; } = [];

    /// <summary>Its part in Hyper-V Replica.</summary>
    public ReplicationRole Replication { get; init; }

    /// <summary>What a backup of it can hold, and how.</summary>
    public BackupReach Backup { get; init; }

    /// <summary>Why not more; a sentence each. Empty where nothing is in the way.</summary>
    public IReadOnlyList<string> Why { get; init; } = [];
}

/// <summary>One disk of a VM.</summary>
/// <param name="Path">Host path of the file; of a pass-through disk the host's own name for the drive.</param>
/// <param name="Size">Virtual size in bytes; 0 where the host did not say.</param>
public sealed record DiskInventory(string Path, long Size)
{
    /// <summary>What it is.</summary>
    public VmDiskKind Kind { get; init; }

    /// <summary>Where it is plugged in, as <c>scsi 0:1</c>: bus, controller, location.</summary>
    public string Place { get; init; } = "";

    /// <summary>True when several VMs may write to it at once.</summary>
    public bool Shared { get; init; }

    /// <summary>What a backup reads of it.</summary>
    public DiskReach Backup { get; init; }

    /// <summary>Why not more; null where nothing is in the way.</summary>
    public string? Why { get; init; }
}

/// <summary>A network adapter of a VM.</summary>
/// <param name="Id">The adapter's setting on the host: what a restore maps by.</param>
/// <param name="Switch">Name of the virtual switch; null where it is connected to none.</param>
public sealed record AdapterInventory(string Id, string? Switch);

/// <summary>A checkpoint of a VM.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind"><c>user</c>, <c>recovery</c> (taken for a backup, ours or another product's), or <c>other</c>.</param>
/// <param name="Created">When, UTC, by the host's clock.</param>
public sealed record CheckpointInventory(string Name, string Kind, DateTimeOffset Created);

/// <summary>What kind of disk a VM has.</summary>
public enum VmDiskKind
{
    Vhdx,
    Vhd,

    /// <summary>A VHD Set (<c>.vhds</c>): a shared disk with a backing file.</summary>
    VhdSet,

    /// <summary>A drive of the host, given to the VM whole.</summary>
    PassThrough,
    Other,
}

/// <summary>A VM's part in Hyper-V Replica (<c>Msvm_ComputerSystem.ReplicationMode</c>).</summary>
public enum ReplicationRole
{
    None,

    /// <summary>Its changes are sent to another host.</summary>
    Primary,

    /// <summary>It receives the changes of a VM elsewhere.</summary>
    Replica,

    /// <summary>A copy of a replica for a test.</summary>
    TestReplica,

    /// <summary>A replica of a replica.</summary>
    ExtendedReplica,
}

/// <summary>What a backup reads of a disk.</summary>
public enum DiskReach
{
    /// <summary>After the first backup only what changed.</summary>
    Changes,

    /// <summary>All of it each time: nothing on the host follows its changes.</summary>
    Whole,

    /// <summary>Nothing: no checkpoint of the VM holds it.</summary>
    Outside,
}

/// <summary>What a backup of a VM can hold.</summary>
public enum BackupReach
{
    /// <summary>All disks, after the first backup only what changed.</summary>
    Changes,

    /// <summary>All disks, some or all of them read whole each time.</summary>
    Whole,

    /// <summary>Some disks are outside of every checkpoint.</summary>
    Partial,

    /// <summary>No backup at all.</summary>
    None,
}
