using System.Collections.Concurrent;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>A primary server that takes everything down and refuses nothing.</summary>
internal sealed class RecordingPrimary : IPrimaryCalls
{
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource<JobReport>> _reports = new();

    public ConcurrentQueue<(Guid Job, string Line)> Log { get; } = new();

    public ConcurrentQueue<(Guid Job, PhaseRecord Phase)> Phases { get; } = new();

    public ConcurrentQueue<JobProgress> Progress { get; } = new();

    public ConcurrentDictionary<Guid, Intent> Intents { get; } = new();

    public Task<JobReport> EndOf(Guid job) => Report(job).Task.WaitAsync(TimeSpan.FromMinutes(2));

    public Task<RoleWelcome> Hello(RoleHello hello) => Task.FromResult(new RoleWelcome("1", []));

    public Task ReportPhase(Guid jobId, PhaseRecord phase)
    {
        Phases.Enqueue((jobId, phase));
        return Task.CompletedTask;
    }

    /// <summary>Called at each progress.</summary>
    public Func<Guid, JobProgress, Task> OnProgress { get; set; } = (_, _) => Task.CompletedTask;

    public Task ReportProgress(Guid jobId, JobProgress progress)
    {
        Progress.Enqueue(progress);
        return OnProgress(jobId, progress);
    }

    public Task ReportLog(Guid jobId, string line)
    {
        Log.Enqueue((jobId, line));
        return Task.CompletedTask;
    }

    public Task RecordIntent(Intent intent)
    {
        Intents[intent.Id] = intent;
        return Task.CompletedTask;
    }

    public Task EndIntent(Guid intentId)
    {
        Intents.TryRemove(intentId, out _);
        return Task.CompletedTask;
    }

    public Task ReportOutcome(JobReport report)
    {
        Report(report.JobId).TrySetResult(report);
        return Task.CompletedTask;
    }

    private TaskCompletionSource<JobReport> Report(Guid job) =>
        _reports.GetOrAdd(job, _ => new TaskCompletionSource<JobReport>(TaskCreationOptions.RunContinuationsAsynchronously));
}
