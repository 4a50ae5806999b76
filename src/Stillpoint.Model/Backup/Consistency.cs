namespace Stillpoint.Model;

/// <summary>The consistency that a policy asks of a checkpoint.</summary>
public enum ConsistencyPolicy
{
    /// <summary>The guest's applications are quiesced; where that cannot be had the backup fails.</summary>
    Application,

    /// <summary>Two tries at application consistency, then crash consistency; the image says which was had.</summary>
    ApplicationThenCrash,

    /// <summary>The disks as after a power cut.</summary>
    Crash,
}

/// <summary>The consistency that an image has: recorded, shown wherever the image is shown, never smoothed.</summary>
public enum Consistency
{
    Unknown,
    Application,
    Crash,

    /// <summary>The VM was in the Saved state: memory and disks belong together.</summary>
    Saved,

    /// <summary>The VM was off.</summary>
    Off,
}

/// <summary>What the guest's own backup bookkeeping does (<c>Msvm_VirtualSystemSnapshotSettingData.GuestBackupType</c>).</summary>
public enum GuestBackupType
{
    /// <summary>The guest's own log backups are untouched.</summary>
    Copy,

    /// <summary>Applications in the guest may truncate their logs, before our image is committed.</summary>
    Full,

    /// <summary>The host's schema has no such property (Windows Server 2016).</summary>
    HostDefault,
}
