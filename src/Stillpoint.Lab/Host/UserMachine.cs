namespace Stillpoint.Lab;

/// <summary>A VM as somebody wants it: over disks of theirs, or empty ones.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Disks">Its disks.</param>
public sealed record UserMachine(string Name, IReadOnlyList<UserDisk> Disks)
{
    /// <summary>1 or 2.</summary>
    public int Generation { get; init; } = 2;

    /// <summary>Configuration version, 5.0 to 12.0; change tracking came with 6.2.</summary>
    public string Version { get; init; } = "9.0";

    /// <summary>False for a guest that cannot be quiesced.</summary>
    public bool CanQuiesce { get; init; } = true;

    /// <summary>What the host sees of the guest's backup integration service.</summary>
    public IntegrationState Integration { get; init; }

    /// <summary>What it does at first: <c>running</c>, <c>off</c>, <c>saved</c> or <c>paused</c>.</summary>
    public string State { get; init; } = "running";

    /// <summary>Drives of the host that it gets whole; nothing stands behind them.</summary>
    public int PassThrough { get; init; }

    /// <summary>Its part in replication.</summary>
    public ReplicationPart Replication { get; init; }

    /// <summary>Checkpoints that a person took, one after another.</summary>
    public int UserCheckpoints { get; init; }

    /// <summary>Names of switches its adapters are connected to, one adapter each; empty for an adapter without a switch.</summary>
    public IReadOnlyList<string> Adapters { get; init; } = [""];
}

/// <summary>A disk of such a VM.</summary>
/// <param name="File">Local path of a VHDX, VHD or raw file, never written; null for an empty disk.</param>
/// <param name="Size">Bytes of an empty disk.</param>
public sealed record UserDisk(string? File = null, long Size = 0)
{
    /// <summary>What the VM gets: a VHDX, a VHD, or a VHD Set.</summary>
    public UserDiskFormat Format { get; init; }

    /// <summary>True for a disk that several VMs may write to: no checkpoint holds it.</summary>
    public bool Shared { get; init; }

    /// <summary>A disk over a file.</summary>
    public static implicit operator UserDisk(string file) => new(file);
}

/// <summary>Format of a VM's disk.</summary>
public enum UserDiskFormat
{
    Vhdx,
    Vhd,
    VhdSet,
}

/// <summary>What the host sees of the backup integration service in a guest (<c>Msvm_VssComponent</c>).</summary>
public enum IntegrationState
{
    Ok,

    /// <summary>Switched off in the VM's settings.</summary>
    Disabled,

    /// <summary>The guest does not answer.</summary>
    NoContact,
}

/// <summary>A VM's part in replication, numbered as <c>ReplicationMode</c>.</summary>
public enum ReplicationPart
{
    None,
    Primary,
    Replica,
    TestReplica,
    ExtendedReplica,
}
