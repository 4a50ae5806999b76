namespace Stillpoint.Model;

/// <summary>Something that a look at a VM before its backup found.</summary>
/// <param name="Subject">What sort of thing.</param>
/// <param name="Level">What follows from it.</param>
/// <param name="What">What it is about: the VM, a disk, a volume, the host.</param>
/// <param name="Why">What is the matter, a sentence.</param>
/// <param name="Mend">What to do about it, a sentence.</param>
/// <param name="Retry">True when it may be gone the next time without anybody doing anything.</param>
public sealed record Finding(FindingSubject Subject, FindingLevel Level, string What, string Why, string Mend, bool Retry = false)
{
    /// <summary>One line: what, why, and what to do.</summary>
    public override string ToString() => $"{What}: {Why} {Mend}";
}

/// <summary>What follows from a finding.</summary>
public enum FindingLevel
{
    /// <summary>Good to know; recorded with the job and the image.</summary>
    Note,

    /// <summary>A person should do something; the backup goes on.</summary>
    Warning,

    /// <summary>No backup is tried.</summary>
    Refusal,
}

/// <summary>What a finding is about.</summary>
public enum FindingSubject
{
    /// <summary>The host has no such VM.</summary>
    Missing,

    /// <summary>The VM neither runs nor stands still.</summary>
    State,

    /// <summary>It has no disk that a checkpoint holds.</summary>
    NoDisk,

    /// <summary>A pass-through or shared disk, which no checkpoint of the VM holds.</summary>
    OutsideDisk,

    /// <summary>A configuration version without change tracking.</summary>
    ConfigurationVersion,

    /// <summary>A disk that nothing on the host follows.</summary>
    UntrackedDisk,

    /// <summary>The backup integration service of the guest.</summary>
    GuestService,

    /// <summary>Checkpoints that people took.</summary>
    UserCheckpoints,

    /// <summary>A recovery checkpoint of another product, or of another site.</summary>
    ForeignCheckpoint,

    /// <summary>What an earlier run of ours left.</summary>
    Leftover,

    /// <summary>Disks that still merge.</summary>
    Merging,

    /// <summary>Merging was switched off for the VM.</summary>
    MergingDisabled,

    /// <summary>Space on the volumes of the disks.</summary>
    FreeSpace,

    /// <summary>The host's own version.</summary>
    HostVersion,

    /// <summary>The VM is a replica.</summary>
    Replica,
}

/// <summary>What a policy does about disks that no checkpoint of their VM holds: pass-through and shared ones.</summary>
public enum OutsideDisks
{
    /// <summary>The image is without them, and says so.</summary>
    Skip,

    /// <summary>The VM is not backed up.</summary>
    Fail,
}

/// <summary>What a look at a VM before a backup asks.</summary>
/// <param name="VmId">The VM.</param>
/// <param name="VmName">Its name, for messages.</param>
/// <param name="Consistency">What would be asked of the checkpoint.</param>
/// <param name="BlockLevelIncremental">Whether a reference point would be kept.</param>
/// <param name="OutsideDisks">What is done about disks that no checkpoint holds.</param>
/// <param name="OpenIntents">What this client left unfinished as far as the primary knows.</param>
public sealed record PreflightOrder(
    Guid VmId, string VmName, ConsistencyPolicy Consistency, bool BlockLevelIncremental, OutsideDisks OutsideDisks, IReadOnlyList<Intent> OpenIntents);

/// <summary>What such a look found.</summary>
/// <param name="Vm">The VM as it is now; null when the host has none of that id.</param>
/// <param name="Findings">The findings, what stops a backup first.</param>
public sealed record PreflightReport(VmInventory? Vm, IReadOnlyList<Finding> Findings);
