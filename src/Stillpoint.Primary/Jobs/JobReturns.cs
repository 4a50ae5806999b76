using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>
/// Compares what a client that connects still works on with what the catalog says of it. A job that it works on is active, whatever was
/// thought while it was away. A job that it does not speak of ends as failed, after a grace in which an outcome that was on its way may
/// arrive; one that it never took over is handed out again.
/// </summary>
internal sealed class JobReturns(
    CatalogStore catalog, Connections connections, JobEnds ends, JobDispatcher dispatcher, ImageSync images, JobWatch watch,
    Errands errands, PrimaryOptions options,
    ILogger<JobReturns> log)
{
    /// <summary>Brings back what the client works on.</summary>
    /// <returns>Active jobs of this client that it does not work on.</returns>
    public async Task<IReadOnlyList<Guid>> Compare(Connection client)
    {
        foreach (var id in client.Hello.ActiveJobs.Distinct())
        {
            var revived = await catalog.Jobs.Change(id, job => job.Host == client.Name && job is { State: JobState.Done, Lost: true }
                ? job with { State = JobState.Active, Outcome = null, Ended = null, Trouble = null, Lost = false, TakenOver = true }
                : null);
            if (revived is null) continue;
            log.LogInformation("job {Job} goes on: its client came back with it", id);
            watch.Touch(id);
        }
        return [.. (await catalog.Jobs.Open())
            .Where(j => j.State == JobState.Active && j.Host == client.Name && !client.Hello.ActiveJobs.Contains(j.Id))
            .Select(j => j.Id)];
    }

    /// <summary>Does what is to be done once the client is connected: at once for jobs that must stop, after the grace for missing ones.</summary>
    public void AfterGrace(Connection client, IReadOnlyList<Guid> missing) => errands.Run($"comparing the jobs of {client.Name}", async stop =>
    {
        await StopWhatShouldNotRun(client, stop);
        if (missing.Count == 0) return;
        await Task.Delay(options.LostJobGrace, options.Time, stop);
        foreach (var id in missing) await Settle(client.Name, id);
        dispatcher.Wake();
    });

    private async Task StopWhatShouldNotRun(Connection client, CancellationToken stop)
    {
        foreach (var id in client.Hello.ActiveJobs.Distinct())
        {
            var job = await catalog.Jobs.Find(id);
            if (job is { State: JobState.Active, CancelRequested: false } && job.Host == client.Name) continue;
            try
            {
                await connections.Tell(client, calls => calls.Cancel(id), stop);
            }
            catch (Exception e) when (e is Refusal or TroubleException)
            {
                log.LogWarning("cancel of job {Job} on {Client}: {Message}", id, client.Name, e.Message);
            }
        }
    }

    private async Task Settle(string client, Guid id)
    {
        var queued = await catalog.Jobs.Change(id, job => job is { State: JobState.Active, TakenOver: false, CancelRequested: false }
            ? job with { State = JobState.Queued, Started = null, WaitsFor = null, ImageId = job.Kind == JobKind.Backup ? null : job.ImageId }
            : null);
        if (queued is not null)
        {
            await catalog.Jobs.ClearPhases(id);
            watch.Touch(id);
            return;
        }
        var trouble = new Trouble(null, $"host {client}", "The client on the host was restarted while the job ran.",
            "Run it again; the next run clears what was left on the host.", Retry: true);
        if (!await ends.Fail(id, trouble, lost: true, unless: job => job.State != JobState.Active)) return;
        log.LogWarning("job {Job}: {Trouble}", id, trouble);
        if (await catalog.Jobs.Find(id) is { Kind: JobKind.Backup } lost) images.UnitSoon(lost.StorageUnit);
    }
}
