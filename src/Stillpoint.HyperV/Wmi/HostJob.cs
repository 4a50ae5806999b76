namespace Stillpoint.HyperV;

/// <summary>A job as it stands (<c>CIM_ConcreteJob.JobState</c> and the value that Hyper-V adds).</summary>
internal enum HostJobState
{
    Running,
    Completed,
    CompletedWithWarnings,
    Failed,
}

/// <summary><c>Msvm_ConcreteJob</c>, <c>Msvm_StorageJob</c> or another of their kind.</summary>
/// <param name="State">Where it stands.</param>
/// <param name="ErrorCode">0 unless failed.</param>
/// <param name="Description">The host's words for the error, perhaps empty.</param>
internal sealed record HostJob(HostJobState State, long ErrorCode, string Description)
{
    /// <exception cref="InvalidAnswerException">It has no state.</exception>
    public static HostJob Read(CimInstance job) => new(
        job.Number("JobState") switch
        {
            7 => HostJobState.Completed,
            32768 => HostJobState.CompletedWithWarnings,
            8 or 9 or 10 => HostJobState.Failed,
            null => throw new InvalidAnswerException("a job without JobState"),
            _ => HostJobState.Running,
        },
        job.Number("ErrorCode") ?? 0,
        job.Text("ErrorDescription") is { Length: > 0 } text ? text : job.Text("ErrorSummaryDescription") ?? "");
}
