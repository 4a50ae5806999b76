namespace Stillpoint.Model;

/// <summary>What a job does for its user.</summary>
public enum JobKind
{
    Backup,
    RestoreVm,
    RestoreDisk,

    /// <summary>A VM goes back to an image in place.</summary>
    Rollback,
    Verify,
}

/// <summary>Where a job stands.</summary>
public enum JobState
{
    /// <summary>Known to the primary, not handed out yet.</summary>
    Queued,

    /// <summary>Held back by a limit or a missing role.</summary>
    Waiting,

    /// <summary>Running on a client.</summary>
    Active,

    /// <summary>Stopped by a person; may be resumed.</summary>
    Suspended,

    /// <summary>Ended; the outcome says how.</summary>
    Done,
}

/// <summary>How a job ended. The exit code of a command that waited for it: ok 0, failed 1, partial 3, cancelled 130.</summary>
public enum JobOutcome
{
    Ok,
    Partial,
    Failed,
    Cancelled,
}
