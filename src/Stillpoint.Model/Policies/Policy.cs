namespace Stillpoint.Model;

/// <summary>What is protected, how, how often and for how long.</summary>
/// <param name="Name">Unique; letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, at most 64.</param>
/// <param name="Method">How the snapshot is taken.</param>
/// <param name="StorageUnit">Name of the storage unit that gets the images.</param>
/// <param name="Vms">Which VMs, by name or id, each with its host; empty means all VMs of all hosts.</param>
/// <param name="BlockLevelIncremental">True: reference points are kept on the host and incrementals move changed blocks only.</param>
/// <param name="Consistency">What is asked of a checkpoint.</param>
/// <param name="GuestBackupType">What the guest's own bookkeeping does.</param>
/// <param name="Schedules">When, and of which type.</param>
/// <param name="TrackingAudit">True: random chunks outside the change list are read and compared with the base.</param>
/// <param name="RescanDays">A full read is due when the last one is older than this.</param>
/// <param name="OutsideDisks">What is done about pass-through and shared disks, which no checkpoint holds.</param>
public sealed record Policy(
    string Name,
    BackupMethod Method,
    string StorageUnit,
    IReadOnlyList<VmSelection> Vms,
    bool BlockLevelIncremental,
    ConsistencyPolicy Consistency,
    GuestBackupType GuestBackupType,
    IReadOnlyList<Schedule> Schedules,
    bool TrackingAudit = true,
    int RescanDays = 30,
    OutsideDisks OutsideDisks = OutsideDisks.Skip);

/// <summary>One VM, or all of a host.</summary>
/// <param name="Host">Name of the client on the VM's host.</param>
/// <param name="Vm">The VM's name or id; null means all VMs of the host.</param>
public sealed record VmSelection(string Host, string? Vm);

/// <summary>One schedule of a policy.</summary>
/// <param name="Name">Unique within the policy.</param>
/// <param name="Type">What its backups read.</param>
/// <param name="Every">Time between two runs; null for a schedule that is run by hand only.</param>
/// <param name="Retention">How long its images are kept.</param>
public sealed record Schedule(string Name, ImageType Type, TimeSpan? Every, Retention Retention);

/// <summary>How long images are kept: an image is due to expire when neither rule keeps it.</summary>
/// <param name="Days">Kept at least this many days after it was made.</param>
/// <param name="KeepLast">The newest so many of a VM are kept whatever their age.</param>
public sealed record Retention(int Days, int KeepLast);
