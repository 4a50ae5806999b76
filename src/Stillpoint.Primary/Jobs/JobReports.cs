using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>What clients say of their jobs. A client speaks for its own jobs only; what it says is bounded and kept before it is answered.</summary>
internal sealed class JobReports(CatalogStore catalog, JobWatch watch, JobDispatcher dispatcher, ImageSync images,
    Inventories inventories, TimeProvider time, ILogger<JobReports> log)
{
    private const int LongestText = 2_000;
    private const int MostLines = 1_000;
    private const int MostDisks = 512;

    public async Task Phase(string client, Guid jobId, PhaseRecord phase)
    {
        var job = await Own(client, jobId);
        if (job.State == JobState.Done) return;
        await catalog.Jobs.PutPhase(jobId, Shown(job, phase));
        watch.Touch(jobId);
    }

    public async Task Progress(string client, Guid jobId, JobProgress progress)
    {
        if ((await Own(client, jobId)).State == JobState.Active) watch.Progress(jobId, progress);
    }

    public async Task Log(string client, Guid jobId, string line)
    {
        await Own(client, jobId);
        await catalog.Jobs.AppendLog(jobId, OneLine(line));
        watch.Touch(jobId);
    }

    public async Task RecordIntent(string client, Intent intent)
    {
        await Own(client, intent.JobId);
        if (intent.IdsBefore is not { Count: <= 10_000 } before || before.Any(i => i is not { Length: <= 4096 })
            || intent.ResultId is { Length: > 4096 })
            throw Hostile(client, "an intent is out of bounds");
        if (!await catalog.Intents.Put(client, intent)) throw Hostile(client, "an intent of that id belongs to another job");
    }

    public Task EndIntent(string client, Guid intentId) => catalog.Intents.End(client, intentId);

    public async Task Outcome(string client, JobReport report)
    {
        var job = await Own(client, report.JobId);
        if (job is { State: JobState.Done, Lost: false }) return;
        var image = report.Image is null ? null : await Image(job, report.Image);
        var lines = Lines(report.Warnings);
        var done = await catalog.Jobs.Complete(job.Id, now => now is { State: JobState.Done, Lost: false } ? null : now with
        {
            State = JobState.Done,
            Outcome = report.Outcome,
            Ended = time.GetUtcNow(),
            TakenOver = true,
            Lost = false,
            CancelRequested = false,
            WaitsFor = null,
            ImageId = image?.Id ?? (now.Kind == JobKind.Backup ? null : now.ImageId),
            RestoredVmId = report.RestoredVmId,
            RestoredFiles = Lines(report.RestoredFiles),
            Warnings = lines,
            Findings = Bounded(report.Findings),
            Trouble = report.Trouble is { } trouble ? Bounded(trouble) : null,
        }, [.. (report.Phases ?? []).Take(32).Select(p => Shown(job, p))], image);
        if (done is null) return;
        if (report.Outcome == JobOutcome.Ok) await catalog.Intents.EndOfJob(job.Id);
        Kill.Reach(KillPoint.OutcomeReceived);
        log.LogInformation("job {Job} {Vm} on {Host}: {Outcome} {Trouble}", job.Id, job.VmName, job.Host, Words.Of(report.Outcome), done.Trouble);
        watch.End(job.Id);
        // It may have committed an image and failed after that.
        if (job.Kind == JobKind.Backup && image is null) images.UnitSoon(job.StorageUnit);
        // After a failure too: it may be the host that cannot be reached any more, and lists shall show it.
        if ((job.Kind == JobKind.RestoreVm && report.RestoredVmId is not null) || report.Outcome == JobOutcome.Failed) inventories.TakeSoon(job.Host);
        dispatcher.Wake();
    }

    /// <summary>The catalog's row for an image that a client committed: what was granted comes from the job, the rest from the report.</summary>
    private async Task<ImageRecord> Image(Job job, ImageSummary image)
    {
        if (job.Kind != JobKind.Backup || image.VmId != job.VmId || image.JobId != job.Id || job.ImageId is { } granted && granted != image.Id)
            throw Hostile(job.Host, $"it reports an image that job {job.Id} had no grant for");
        if (Flaw(image) is { } flaw) throw Hostile(job.Host, $"image {image.Id:D}: {flaw}");
        return Row(job, image, await catalog.Hosts.Find(job.Host));
    }

    /// <summary>Why an image is not listed, whoever tells of it; null when there is nothing against it.</summary>
    public static string? Flaw(ImageSummary image) =>
        image.Disks is not { } disks ? "It says nothing of its disks."
        : disks.Count > MostDisks ? $"It has {disks.Count} disks, {MostDisks} is the most."
        : disks.Any(d => d is not { Name.Length: <= 512, FullReason: null or { Length: <= LongestText } }) ? "The figures of its disks are out of bounds."
        : null;

    /// <summary>The catalog's row: names and places from the job, the rest as it was stored.</summary>
    public static ImageRecord Row(Job job, ImageSummary image, HostRecord? host) => new()
    {
        Id = image.Id,
        VmId = job.VmId,
        Vm = job.VmName,
        Host = job.Host,
        StorageUnit = job.StorageUnit,
        Policy = job.Policy,
        Schedule = job.Schedule,
        KeyDomain = host?.KeyDomain ?? job.Host,
        JobId = job.Id,
        Created = image.Created,
        Type = image.Type,
        Consistency = image.Consistency,
        Method = image.Method,
        Disks = image.Disks,
        HasBaseNote = image.HasBaseNote,
        Findings = Bounded(image.Findings),
        Verified = image.Verified,
    };

    private async Task<Job> Own(string client, Guid jobId) =>
        await catalog.Jobs.Find(jobId) is { } job && job.Host == client ? job : throw Hostile(client, $"job {jobId} is not one of its own");

    internal static IReadOnlyList<string> Lines(IReadOnlyList<string>? lines) => [.. (lines ?? []).Take(MostLines).Select(OneLine)];

    /// <summary>A phase as it is kept. The start is ours to tell, unless it went wrong at the client.</summary>
    private static PhaseRecord Shown(Job job, PhaseRecord phase) => phase with
    {
        Detail = phase is { Phase: Model.Phase.Start, Outcome: PhaseOutcome.Running or PhaseOutcome.Ok }
            ? JobDispatcher.StartText(job) : OneLine(phase.Detail),
    };

    /// <summary>A client's findings: bounded, and without control characters.</summary>
    internal static IReadOnlyList<Finding> Bounded(IReadOnlyList<Finding>? findings) =>
    [
        .. (findings ?? []).Where(f => f is not null && Enum.IsDefined(f.Subject) && Enum.IsDefined(f.Level)).Take(MostLines)
            .Select(f => f with { What = OneLine(f.What), Why = OneLine(f.Why), Mend = OneLine(f.Mend) }),
    ];

    private static Trouble Bounded(Trouble trouble) => trouble with
    {
        Culprit = OneLine(trouble.Culprit),
        Message = OneLine(trouble.Message),
        NextStep = OneLine(trouble.NextStep),
    };

    /// <summary>Text of a client for logs and terminals: bounded, and without control characters.</summary>
    private static string OneLine(string? text)
    {
        if (string.IsNullOrEmpty(text)) return "";
        var cut = text.Length > LongestText ? text.AsSpan(0, LongestText) : text;
        return string.Create(cut.Length, cut, static (target, source) =>
        {
            for (var i = 0; i < source.Length; i++) target[i] = char.IsControl(source[i]) ? ' ' : source[i];
        });
    }

    private static TroubleException Hostile(string client, string what) =>
        new($"client {client}", $"Refused: {what}.", "Look at the client's log; where it was not expected, take the host's certificate away.");
}
