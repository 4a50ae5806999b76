namespace Stillpoint.Model;

/// <summary>The phases of each kind of job, by the names that log, API, CLI and console show.</summary>
public enum Phase
{
    Start,
    Initiate,
    Checkpoint,
    Snapshot,
    Resume,
    Preflight,
    Define,
    Transfer,
    Release,

    /// <summary>The host merges the disks of a checkpoint that was released.</summary>
    Merge,
    Delete,
    Realize,
    Finish,
}

/// <summary>The rows of phases.</summary>
public static class Phases
{
    /// <summary>Backup by the WMI method.</summary>
    public static IReadOnlyList<Phase> Wmi { get; } = [Phase.Start, Phase.Initiate, Phase.Checkpoint, Phase.Transfer, Phase.Release, Phase.Merge];

    /// <summary>Backup by the VSS method.</summary>
    public static IReadOnlyList<Phase> Vss { get; } = [Phase.Start, Phase.Initiate, Phase.Snapshot, Phase.Resume, Phase.Transfer, Phase.Delete];

    /// <summary>A VM comes back.</summary>
    public static IReadOnlyList<Phase> RestoreVm { get; } =
        [Phase.Start, Phase.Preflight, Phase.Define, Phase.Transfer, Phase.Realize, Phase.Finish];

    /// <summary>A VM goes back to an image in place.</summary>
    public static IReadOnlyList<Phase> Rollback { get; } =
        [Phase.Start, Phase.Preflight, Phase.Checkpoint, Phase.Transfer, Phase.Release, Phase.Merge, Phase.Finish];

    /// <summary>A disk comes back as a file.</summary>
    public static IReadOnlyList<Phase> RestoreDisk { get; } = [Phase.Start, Phase.Preflight, Phase.Transfer, Phase.Finish];
}

/// <summary>How a phase stands or ended.</summary>
public enum PhaseOutcome
{
    Running,
    Ok,

    /// <summary>It did its work, and something about it must be known: the detail says what.</summary>
    Warning,
    Failed,
}

/// <summary>One phase of one job.</summary>
/// <param name="Phase">Which.</param>
/// <param name="Started">When it began, UTC.</param>
/// <param name="Ended">When it ended, UTC; null while it runs.</param>
/// <param name="Outcome">How.</param>
/// <param name="Detail">One sentence for a person.</param>
public sealed record PhaseRecord(Phase Phase, DateTimeOffset Started, DateTimeOffset? Ended, PhaseOutcome Outcome, string Detail);

/// <summary>How far the running phase is.</summary>
/// <param name="Phase">The running phase.</param>
/// <param name="BytesDone">Bytes read or written so far.</param>
/// <param name="BytesTotal">Bytes to read or write; 0 where it is not known.</param>
/// <param name="BytesPerSecond">Rate over the last seconds; 0 at the start.</param>
/// <param name="SecondsLeft">Estimate; null where there is none.</param>
public sealed record JobProgress(Phase Phase, long BytesDone, long BytesTotal, long BytesPerSecond, double? SecondsLeft);
