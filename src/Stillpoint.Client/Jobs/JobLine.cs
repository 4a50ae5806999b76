using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Client;

/// <summary>
/// What a running job tells: its phases, its progress, its log. Only one phase runs at a time; beginning the next ends the one before as
/// well done. Nothing here stops a job: while the primary cannot be reached, the job goes on and the final report carries all phases.
/// </summary>
internal sealed class JobLine(Guid jobId, IPrimaryCalls primary, TimeProvider time)
{
    private readonly List<PhaseRecord> _phases = [];
    private readonly List<string> _warnings = [];

    /// <summary>The job.</summary>
    public Guid JobId => jobId;

    /// <summary>The phases so far.</summary>
    public IReadOnlyList<PhaseRecord> Phases => _phases;

    /// <summary>What a person must know although the job did its work.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>What the look before the backup found.</summary>
    public IReadOnlyList<Finding> Findings { get; private set; } = [];

    /// <summary>The running phase.</summary>
    public Phase Current => _phases[^1].Phase;

    /// <summary>Ends the running phase as well done and begins the next.</summary>
    public async Task BeginAsync(Phase phase, string detail)
    {
        if (_phases.Count > 0) await EndAsync(PhaseOutcome.Ok);
        _phases.Add(new PhaseRecord(phase, time.GetUtcNow(), null, PhaseOutcome.Running, detail));
        await TellAsync(() => primary.ReportPhase(jobId, _phases[^1]));
    }

    /// <summary>Says more about the running phase.</summary>
    public void Detail(string detail) => _phases[^1] = _phases[^1] with { Detail = detail };

    /// <summary>Says more about the running phase, and tells the primary when it is something new.</summary>
    public Task ShowAsync(string detail)
    {
        if (_phases[^1].Detail == detail) return Task.CompletedTask;
        Detail(detail);
        var shown = _phases[^1];
        return TellAsync(() => primary.ReportPhase(jobId, shown));
    }

    /// <summary>Notes something that must be known; the running phase ends with a warning.</summary>
    public async Task WarnAsync(string warning)
    {
        _warnings.Add(warning);
        _phases[^1] = _phases[^1] with { Outcome = PhaseOutcome.Warning };
        await LogAsync("warning: " + warning);
    }

    /// <summary>Notes what a look found: notes to the log, warnings as warnings.</summary>
    /// <exception cref="TroubleException">One of them refuses the backup.</exception>
    public async Task FindAsync(IReadOnlyList<Finding> findings)
    {
        Findings = findings;
        if (findings.FirstOrDefault(f => f.Level == FindingLevel.Refusal) is { } refusal)
            throw new TroubleException(refusal.What, refusal.Why, refusal.Mend, refusal.Retry);
        foreach (var finding in findings)
        {
            if (finding.Level == FindingLevel.Warning) await WarnAsync(finding.ToString());
            else await LogAsync($"note: {finding}");
        }
    }

    /// <summary>Adds a line to the job's log.</summary>
    public Task LogAsync(string line) => TellAsync(() => primary.ReportLog(jobId, line));

    /// <summary>Progress of the running phase.</summary>
    public TransferMeter Meter(long totalBytes) =>
        new(Current, totalBytes, time, progress => _ = TellAsync(() => primary.ReportProgress(jobId, progress)));

    /// <summary>Ends the running phase.</summary>
    public Task EndAsync(PhaseOutcome outcome, string? detail = null)
    {
        var last = _phases[^1];
        if (last.Ended is not null) return Task.CompletedTask;
        if (outcome == PhaseOutcome.Ok && last.Outcome == PhaseOutcome.Warning) outcome = PhaseOutcome.Warning;
        var ended = _phases[^1] = last with { Ended = time.GetUtcNow(), Outcome = outcome, Detail = detail ?? last.Detail };
        return TellAsync(async () =>
        {
            await primary.ReportPhase(jobId, ended);
            await primary.ReportLog(jobId, $"{Words.Of(ended.Phase)} {Words.Of(ended.Outcome)}: {ended.Detail}");
        });
    }

    /// <summary>Best effort: the primary may be away, and the report at the end repeats what matters.</summary>
    private static async Task TellAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (Exception failure) when (failure is TroubleException or IOException or InvalidOperationException or OperationCanceledException)
        {
            // Told again by the final report.
        }
    }
}
