using System.Collections.Concurrent;

namespace Stillpoint.Client;

/// <summary>The jobs that this process works on.</summary>
internal sealed class RunningJobs
{
    private readonly ConcurrentDictionary<Guid, CancellationTokenSource> _jobs = new();

    /// <summary>True once all jobs were asked to stop because the process ends.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Ids of the running jobs.</summary>
    public IReadOnlyList<Guid> Ids => [.. _jobs.Keys];

    /// <summary>True while the job runs here.</summary>
    public bool IsRunning(Guid jobId) => _jobs.ContainsKey(jobId);

    /// <summary>Claims a job; false when it runs already.</summary>
    public bool TryStart(Guid jobId, out CancellationToken cancel)
    {
        var source = new CancellationTokenSource();
        cancel = source.Token;
        if (_jobs.TryAdd(jobId, source)) return true;
        source.Dispose();
        return false;
    }

    /// <summary>Asks a job to stop; nothing happens when it does not run here.</summary>
    public Task CancelAsync(Guid jobId) => _jobs.TryGetValue(jobId, out var source) ? source.CancelAsync() : Task.CompletedTask;

    /// <summary>Asks all jobs to stop and returns when they have; each releases what it holds first.</summary>
    public async Task StopAllAsync()
    {
        IsStopping = true;
        foreach (var source in _jobs.Values) await source.CancelAsync();
        while (!_jobs.IsEmpty) await Task.Delay(20);
    }

    /// <summary>The job is over.</summary>
    public void End(Guid jobId)
    {
        if (_jobs.TryRemove(jobId, out var source)) source.Dispose();
    }
}
