namespace Stillpoint.Model;

/// <summary>One run for one VM: the catalog's row, and what the API and the command line show.</summary>
public sealed record Job
{
    /// <summary>The job.</summary>
    public required Guid Id { get; init; }

    /// <summary>Counts up over all jobs of a primary server; 0 until the catalog gave one.</summary>
    public long Number { get; init; }

    /// <summary>What it does.</summary>
    public required JobKind Kind { get; init; }

    /// <summary>Where it stands.</summary>
    public JobState State { get; init; } = JobState.Queued;

    /// <summary>How it ended; null until then.</summary>
    public JobOutcome? Outcome { get; init; }

    /// <summary>Name of the policy; null for a restore.</summary>
    public string? Policy { get; init; }

    /// <summary>Name of the schedule; null for a restore.</summary>
    public string? Schedule { get; init; }

    /// <summary>What a backup reads; null for a restore.</summary>
    public ImageType? Type { get; init; }

    /// <summary>Name of the client that does the work.</summary>
    public required string Host { get; init; }

    /// <summary>The VM that is backed up, or that the image was made of.</summary>
    public required Guid VmId { get; init; }

    /// <summary>That VM's name when the job was made.</summary>
    public required string VmName { get; init; }

    /// <summary>Name of the storage unit.</summary>
    public required string StorageUnit { get; init; }

    /// <summary>The image that a backup makes, known when it is handed out; the image that a restore reads.</summary>
    public Guid? ImageId { get; init; }

    /// <summary>What a restore is to do; null for a backup.</summary>
    public RestoreRequest? Restore { get; init; }

    /// <summary>Who asked for it: a user, or <c>scheduler</c>.</summary>
    public required string RequestedBy { get; init; }

    /// <summary>The job that this one tries again; null for a first try.</summary>
    public Guid? RetryOf { get; init; }

    /// <summary>When it was made, UTC.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>When it was last handed to its client, UTC.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>When it ended, UTC.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>True when the client said that it took the job over.</summary>
    public bool TakenOver { get; init; }

    /// <summary>True when a person asked to stop it and its client has not answered yet.</summary>
    public bool CancelRequested { get; init; }

    /// <summary>True when the primary server ended it because its client did not speak of it any more. The client's own word, when it comes after
    /// all, stands over that.</summary>
    public bool Lost { get; init; }

    /// <summary>What a waiting job waits for.</summary>
    public string? WaitsFor { get; init; }

    /// <summary>Why it failed.</summary>
    public Trouble? Trouble { get; init; }

    /// <summary>What a person must know although the job did its work.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What the look before a backup found.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];

    /// <summary>The VM that came back.</summary>
    public Guid? RestoredVmId { get; init; }

    /// <summary>Host paths of the disk files that were written.</summary>
    public IReadOnlyList<string> RestoredFiles { get; init; } = [];
}

/// <summary>What a restore is to do. Which members matter follows from the job's kind.</summary>
/// <param name="NewName">VM: the restored VM's name.</param>
/// <param name="Folder">VM: host folder; null means one of that name beside the original disks.</param>
/// <param name="Start">VM: start it at the end.</param>
/// <param name="Disk">Disk: its name in the image, or its number counted from 0.</param>
/// <param name="Target">Disk: host path of the file to write.</param>
public sealed record RestoreRequest(
    string? NewName = null, string? Folder = null, bool Start = false, string? Disk = null, string? Target = null)
{
    /// <summary>VM: every disk goes to the place where it was.</summary>
    public bool Original { get; init; }

    /// <summary>VM: it gets the id that it had.</summary>
    public bool KeepId { get; init; }

    /// <summary>VM: what becomes of its network adapters; null disconnects them.</summary>
    public NetworkMap? Network { get; init; }
}

/// <summary>A job with all that is known of it.</summary>
/// <param name="Job">The job.</param>
/// <param name="Phases">Its phases so far, in order.</param>
/// <param name="Progress">How far the running phase is; null where nothing was reported.</param>
/// <param name="Revision">Changes whenever anything of the job does.</param>
public sealed record JobView(Job Job, IReadOnlyList<PhaseRecord> Phases, JobProgress? Progress, long Revision);

/// <summary>One line of a job's log.</summary>
/// <param name="Number">Counts up over all lines.</param>
/// <param name="At">When it came, UTC.</param>
/// <param name="Line">The line.</param>
public sealed record JobLogLine(long Number, DateTimeOffset At, string Line);
