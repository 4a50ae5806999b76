namespace Stillpoint.Model;

/// <summary>What a primary server hands to a client: back up this VM.</summary>
/// <param name="JobId">The job.</param>
/// <param name="ImageId">Id that the new image will have: the one in the grant.</param>
/// <param name="VmId">The VM on the client's host.</param>
/// <param name="VmName">Its name when the job was made.</param>
/// <param name="Policy">Name of the policy, for people.</param>
/// <param name="Method">How the snapshot is taken.</param>
/// <param name="Type">What to read.</param>
/// <param name="BlockLevelIncremental">Keep a reference point for the next incremental.</param>
/// <param name="Consistency">What is asked of the checkpoint.</param>
/// <param name="GuestBackupType">What the guest's own bookkeeping does.</param>
/// <param name="TrackingAudit">Read and compare random chunks outside the change list.</param>
/// <param name="RescanDays">Read in full when the last full read is older.</param>
/// <param name="OpenIntents">What this client left unfinished as far as the primary knows: also after the client lost its own record.</param>
/// <param name="Data">Where the data goes and by what right.</param>
public sealed record BackupOrder(
    Guid JobId,
    Guid ImageId,
    Guid VmId,
    string VmName,
    string Policy,
    BackupMethod Method,
    ImageType Type,
    bool BlockLevelIncremental,
    ConsistencyPolicy Consistency,
    GuestBackupType GuestBackupType,
    bool TrackingAudit,
    int RescanDays,
    IReadOnlyList<Intent> OpenIntents,
    DataAccess Data)
{
    /// <summary>What is done about disks that no checkpoint holds.</summary>
    public OutsideDisks OutsideDisks { get; init; }
}

/// <summary>What a primary server hands to a client: bring this VM back under a new name.</summary>
/// <param name="JobId">The job.</param>
/// <param name="ImageId">The image to restore.</param>
/// <param name="NewName">The restored VM's name.</param>
/// <param name="Folder">Host folder for configuration and disks; null means a folder of that name beside the original disks.</param>
/// <param name="Start">Start the VM at the end.</param>
/// <param name="OpenIntents">What this client left unfinished as far as the primary knows.</param>
/// <param name="Data">Where the data comes from and by what right.</param>
public sealed record RestoreVmOrder(
    Guid JobId,
    Guid ImageId,
    string NewName,
    string? Folder,
    bool Start,
    IReadOnlyList<Intent> OpenIntents,
    DataAccess Data)
{
    /// <summary>True: every disk goes to the place where it was; the VM must be gone from there.</summary>
    public bool Original { get; init; }

    /// <summary>True: the VM gets the id that it had; the host must have none of that id.</summary>
    public bool KeepId { get; init; }

    /// <summary>What becomes of its network adapters; all disconnected where nothing is said.</summary>
    public NetworkMap Network { get; init; } = NetworkMap.Disconnected;
}

/// <summary>Which virtual switch each network adapter of a restored VM is connected to.</summary>
/// <param name="Original">True: adapters that <paramref name="Switches"/> does not name go to the switch of the name that they had.</param>
/// <param name="Switches">Name of the switch that an adapter had, or <c>*</c> for all, to the name of the one that it gets.</param>
public sealed record NetworkMap(bool Original, IReadOnlyDictionary<string, string> Switches)
{
    /// <summary>All adapters are disconnected: a copy must not answer beside the original.</summary>
    public static NetworkMap Disconnected { get; } = new(false, new Dictionary<string, string>());

    /// <summary>The switch for an adapter that was on <paramref name="before"/>; null to disconnect it.</summary>
    public string? SwitchFor(string? before)
    {
        if (before is not null && Switches.FirstOrDefault(s => string.Equals(s.Key, before, StringComparison.OrdinalIgnoreCase)).Value is { } mapped) return mapped;
        return Switches.TryGetValue("*", out var all) ? all : Original ? before : null;
    }
}

/// <summary>What a primary server hands to a client: write one disk of an image to a file on the host.</summary>
/// <param name="JobId">The job.</param>
/// <param name="ImageId">The image to restore from.</param>
/// <param name="Disk">The disk's name in the image, or its number counted from 0.</param>
/// <param name="Target">Host path of the file to write; it must not exist. The ending says the format: .vhdx, or anything else for raw.</param>
/// <param name="Data">Where the data comes from and by what right.</param>
public sealed record RestoreDiskOrder(Guid JobId, Guid ImageId, string Disk, string Target, DataAccess Data);

/// <summary>What a primary server hands to a client: bring this VM back to an image, over the VM itself.</summary>
/// <param name="JobId">The job.</param>
/// <param name="ImageId">The image.</param>
/// <param name="VmId">The VM: the one that the image was made of.</param>
/// <param name="VmName">Its name, for messages.</param>
/// <param name="Start">Start the VM at the end.</param>
/// <param name="OpenIntents">What this client left unfinished as far as the primary knows.</param>
/// <param name="Data">Where the data comes from and by what right: all images of the VM may be read.</param>
public sealed record RollbackOrder(
    Guid JobId, Guid ImageId, Guid VmId, string VmName, bool Start, IReadOnlyList<Intent> OpenIntents, DataAccess Data);

/// <summary>Where a client reaches its data and by what right.</summary>
/// <param name="MediaAddress"><c>host:port</c> of the media server's data endpoint.</param>
/// <param name="StorageUnit">Name of the storage unit there.</param>
/// <param name="Grant">The signed job grant, opaque to the client.</param>
/// <param name="DomainKey">The key domain's master, 32 bytes; held in memory only.</param>
/// <param name="Epoch">The epoch to seal under: the one that the grant names.</param>
public sealed record DataAccess(string MediaAddress, string StorageUnit, byte[] Grant, byte[] DomainKey, ushort Epoch = 0);

/// <summary>How a job ended, as its client reports it.</summary>
/// <param name="JobId">The job.</param>
/// <param name="Outcome">How.</param>
/// <param name="Phases">All phases with their times.</param>
/// <param name="Image">The image that was committed; null when none was.</param>
/// <param name="RestoredVmId">The VM that came back; null when none did.</param>
/// <param name="RestoredFiles">Host paths of the disk files that were written.</param>
/// <param name="Warnings">What a person must know although the job did its work.</param>
/// <param name="Trouble">Why it failed; null when it did not.</param>
public sealed record JobReport(
    Guid JobId,
    JobOutcome Outcome,
    IReadOnlyList<PhaseRecord> Phases,
    ImageSummary? Image,
    Guid? RestoredVmId,
    IReadOnlyList<string> RestoredFiles,
    IReadOnlyList<string> Warnings,
    Trouble? Trouble)
{
    /// <summary>What the look before a backup found.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];
}
