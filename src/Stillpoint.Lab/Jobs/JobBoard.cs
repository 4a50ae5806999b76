using Microsoft.Extensions.Logging;

namespace Stillpoint.Lab;

/// <summary>The host's jobs: runs them, and forgets them five minutes after their end as hosts do (<c>TimeBeforeRemoval</c>).</summary>
internal sealed class JobBoard(LabClock clock, FaultBoard faults, TimeSpan delay, ILogger<JobBoard> log) : IAsyncDisposable
{
    private static readonly TimeSpan TimeBeforeRemoval = TimeSpan.FromMinutes(5);
    private readonly Lock _gate = new();
    private readonly List<LabJob> _jobs = [];
    private readonly HashSet<Task> _running = [];
    private readonly CancellationTokenSource _stop = new();

    /// <summary>All jobs that are still listed.</summary>
    public IReadOnlyList<LabJob> List()
    {
        lock (_gate)
        {
            _jobs.RemoveAll(j => j.State != LabJob.Running && clock.Now - j.Changed > TimeBeforeRemoval);
            return [.. _jobs];
        }
    }

    /// <summary>A job that has ended already: how a call that cannot be answered at once reports its error.</summary>
    public LabJob Fail(JobType type, bool isStorage, string caption, JobFailedException error)
    {
        var job = Open(type, isStorage, caption, []);
        Close(job, error);
        return job;
    }

    /// <summary>Starts work and returns its job at once.</summary>
    /// <param name="type">Kind of work.</param>
    /// <param name="caption">For people.</param>
    /// <param name="affected">What it works on.</param>
    /// <param name="machine">Name of the VM, for faults that are meant for one.</param>
    /// <param name="claim">Given back when the job ends, however it ends; null for none.</param>
    /// <param name="work">The work; it adds to the job's Created. <see cref="JobFailedException"/> is its way to fail.</param>
    public LabJob Start(
        JobType type, string caption, IEnumerable<CimPath> affected, string machine, IDisposable? claim, Func<LabJob, CancellationToken, Task> work)
    {
        var job = Open(type, isStorage: false, caption, affected);
        var task = Task.Run(() => RunAsync(job, machine, claim, work));
        lock (_gate) _running.Add(task);
        _ = task.ContinueWith(Forget, TaskScheduler.Default);
        return job;
    }

    /// <summary>Asks a job to end.</summary>
    /// <returns>False when it has ended already, or is none.</returns>
    public bool Terminate(string instanceId)
    {
        lock (_gate)
        {
            var job = _jobs.Find(j => j.State == LabJob.Running && LabText.Upper(j.Id).Equals(instanceId, StringComparison.OrdinalIgnoreCase));
            job?.Stop.Cancel();
            return job is not null;
        }
    }

    /// <summary>Ends every job that hangs by a planned fault.</summary>
    public void TerminateHung()
    {
        lock (_gate)
        {
            foreach (var job in _jobs.Where(j => j.IsHung)) job.Stop.Cancel();
        }
    }

    /// <summary>A job for work that runs in the background; whoever opens it ends it.</summary>
    public LabJob Track(JobType type, string caption, CimPath affected) => Open(type, isStorage: false, caption, [affected]);

    /// <summary>Ends such a job; null for well done.</summary>
    public void Finish(LabJob job, JobFailedException? error) => Close(job, error);

    /// <summary>Runs work that has no job of its own (merges), and waits for it at the end of the process.</summary>
    public void Background(Func<CancellationToken, Task> work)
    {
        var task = Task.Run(async () =>
        {
            try
            {
                await work(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
            }
            catch (Exception failure)
            {
                log.LogError(failure, "background work failed");
            }
        });
        lock (_gate) _running.Add(task);
        _ = task.ContinueWith(Forget, TaskScheduler.Default);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] running;
        lock (_gate) running = [.. _running];
        await Task.WhenAll(running);
        _stop.Dispose();
    }

    private void Forget(Task task)
    {
        lock (_gate) _running.Remove(task);
    }

    private LabJob Open(JobType type, bool isStorage, string caption, IEnumerable<CimPath> affected)
    {
        var job = new LabJob(clock.NewId(), isStorage, type, caption, clock.Now);
        job.Affected.AddRange(affected);
        lock (_gate) _jobs.Add(job);
        return job;
    }

    private async Task RunAsync(LabJob job, string machine, IDisposable? claim, Func<LabJob, CancellationToken, Task> work)
    {
        JobFailedException? error = null;
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, job.Stop.Token);
            await Task.Delay(delay / 2, clock.Time, either.Token);
            if (faults.Fires("job-hangs", machine))
            {
                job.IsHung = true;
                await Task.Delay(Timeout.InfiniteTimeSpan, clock.Time, either.Token);
            }
            job.Percent = 50;
            await work(job, either.Token);
            await Task.Delay(delay / 2, clock.Time, _stop.Token);
        }
        catch (JobFailedException failed)
        {
            error = failed;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested || job.Stop.IsCancellationRequested)
        {
            error = new JobFailedException("The operation was canceled. (0x800704C7)");
        }
        catch (Exception failure)
        {
            log.LogError(failure, "{Job} failed", job.Caption);
            error = new JobFailedException($"{job.Caption}: {failure.Message}");
        }
        claim?.Dispose();
        Close(job, error);
    }

    private void Close(LabJob job, JobFailedException? error)
    {
        lock (_gate)
        {
            job.Changed = clock.Now;
            if (error is null)
            {
                job.Percent = 100;
                job.State = LabJob.Completed;
                return;
            }
            job.Created.Clear();
            job.ErrorCode = error.Code;
            job.ErrorDescription = error.Message;
            job.State = job.Stop.IsCancellationRequested ? LabJob.Terminated : LabJob.Failed;
        }
    }
}
