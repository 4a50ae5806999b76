namespace Stillpoint.Lab;

/// <summary>Jobs, and what they work on and made.</summary>
internal sealed class Jobs(CimSchema schema, HostContext host) : CimSource(schema, host)
{
    private const ushort Unknown = 0;
    private const ushort Create = 5;

    /// <inheritdoc/>
    public override void Register(CimRepository repository)
    {
        repository.Add("Msvm_ConcreteJob", () => Of("Msvm_ConcreteJob").Select(Job));
        repository.Add("Msvm_StorageJob", () => Of("Msvm_StorageJob").Select(j => Job(j).With(("JobCompletionStatusCode", (uint)j.ErrorCode))));
        repository.Add("Msvm_AffectedJobElement", () => Of("Msvm_ConcreteJob").SelectMany(Links));
        repository.Add("Msvm_AffectedStorageJobElement", () => []);
    }

    private IEnumerable<LabJob> Of(string className) => Host.Jobs.List().Where(j => j.ClassName == className);

    private IEnumerable<CimInstance> Links(LabJob job)
    {
        foreach (var path in job.Affected) yield return Link(job, path, Unknown);
        if (job.State != LabJob.Completed) yield break;
        foreach (var path in job.Created) yield return Link(job, path, Create);
    }

    private CimInstance Link(LabJob job, CimPath element, ushort effect) => New("Msvm_AffectedJobElement").With(
        ("AffectedElement", element), ("AffectingElement", job.Path), ("ElementEffects", new[] { effect }));

    private CimInstance Job(LabJob job)
    {
        var status = job.State switch
        {
            LabJob.Running => "Job is running",
            LabJob.Completed => "Job is completed successfully",
            _ => "Job failed",
        };
        var end = job.State == LabJob.Running ? Host.Clock.Now : job.Changed;
        return New(job.ClassName).With(
            ("InstanceID", LabText.Upper(job.Id)),
            ("Caption", job.Caption),
            ("Description", job.Caption),
            ("ElementName", job.Caption),
            ("Name", job.Caption),
            ("Cancellable", job.State == LabJob.Running),
            ("DeleteOnCompletion", false),
            ("ElapsedTime", end - job.Started),
            ("ErrorCode", job.ErrorCode),
            ("ErrorDescription", job.ErrorDescription),
            ("ErrorSummaryDescription", job.ErrorDescription),
            ("HealthState", (ushort)5),
            ("InstallDate", NeverSet),
            ("JobRunTimes", 1U),
            ("JobState", job.State),
            ("JobStatus", status),
            ("JobType", (ushort)job.Type),
            ("LocalOrUtcTime", (ushort)2),
            ("Notify", ""),
            ("OperationalStatus", new ushort[] { 2 }),
            ("OtherRecoveryAction", ""),
            ("Owner", $@"{HostName}\Administrator"),
            ("PercentComplete", job.Percent),
            ("Priority", 0U),
            ("RecoveryAction", (ushort)2),
            ("ScheduledStartTime", job.Started),
            ("StartTime", job.Started),
            ("Status", "OK"),
            ("StatusDescriptions", new[] { status }),
            ("TimeBeforeRemoval", TimeSpan.FromMinutes(5)),
            ("TimeOfLastStateChange", job.Changed),
            ("TimeSubmitted", job.Started));
    }
}
