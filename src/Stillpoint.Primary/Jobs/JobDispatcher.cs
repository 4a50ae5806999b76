using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>
/// Hands queued jobs out, oldest first, one round at a time. A job whose client or media server is not connected, whose VM or host is busy,
/// waits and says for what. A job is marked active before its client hears of it and taken over after it answered: whatever crashes in
/// between is settled when the client comes back (<see cref="JobReturns"/>).
/// </summary>
internal sealed class JobDispatcher(
    CatalogStore catalog, Connections connections, Orders orders, JobEnds ends, JobWatch watch, Errands errands,
    PrimaryOptions options, ILogger<JobDispatcher> log)
    : BackgroundService
{
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Something happened that may let a job go on.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var rhythm = options.Time.CreateTimer(_ => Wake(), null, TimeSpan.Zero, options.Rhythm);
        await foreach (var _ in _wake.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                await Round();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                log.LogError(e, "a round of the queue failed; the next one tries again");
            }
        }
    }

    private async Task Round()
    {
        var open = await catalog.Jobs.Open();
        if (open.Count == 0) return;
        var units = (await catalog.StorageUnits.List()).ToDictionary(u => u.Name);
        var load = new Load(options.JobsPerHost);
        foreach (var job in open.Where(j => j.State == JobState.Active))
        {
            load.Add(job);
            await EndIfSilent(job);
        }
        foreach (var job in open.Where(j => j.State is JobState.Queued or JobState.Waiting))
        {
            var media = units.TryGetValue(job.StorageUnit, out var unit) ? connections.Media(unit.MediaServer) : null;
            var client = connections.Client(job.Host);
            var missing = client is null ? $"host {job.Host} to connect"
                : unit is null ? $"storage unit {job.StorageUnit}, which does not exist"
                : media is null ? $"media server {unit.MediaServer} to connect"
                : load.Missing(job);
            if (missing is not null) await Hold(job, missing);
            else if (await Activate(job) is { } active)
            {
                load.Add(active);
                errands.Run($"handing out job {active.Id}", stopping => HandOut(active, client!, media!.Hello.DataAddress!, stopping));
            }
        }
    }

    private async Task Hold(Job job, string missing)
    {
        if (job.State == JobState.Waiting && job.WaitsFor == missing) return;
        var held = await catalog.Jobs.Change(job.Id, now => now.State is JobState.Queued or JobState.Waiting
            ? now with { State = JobState.Waiting, WaitsFor = missing }
            : null);
        if (held is not null) watch.Touch(job.Id);
    }

    private Task<Job?> Activate(Job job) => catalog.Jobs.Change(job.Id, now => now.State is JobState.Queued or JobState.Waiting
        ? now with
        {
            State = JobState.Active,
            Started = options.Time.GetUtcNow(),
            TakenOver = false,
            WaitsFor = null,
            // A new id at each try: what an earlier try may have committed is another image.
            ImageId = now.Kind == JobKind.Backup ? options.NewId() : now.ImageId,
        }
        : null);

    private async Task HandOut(Job job, Connection client, string dataAddress, CancellationToken stop)
    {
        try
        {
            await StartPhase(job, ended: false);
            var order = await orders.Make(job, dataAddress);
            await connections.Tell(client, order, stop);
            await catalog.Jobs.Change(job.Id, now => now.State == JobState.Active ? now with { TakenOver = true } : null);
            Kill.Reach(KillPoint.JobDispatched);
            await StartPhase(job, ended: true);
        }
        catch (Refusal e)
        {
            // Not known whether the client heard. The connection is ended; when the client comes back it says what it works on.
            log.LogWarning("job {Job}: {Message}", job.Id, e.Message);
            client.Abort();
        }
        catch (TroubleException e)
        {
            await Failed(job, e.Trouble.Phase is null ? e.Trouble with { Phase = Phase.Start } : e.Trouble);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.LogError(e, "job {Job}", job.Id);
            await Failed(job, new Trouble(Phase.Start, "primary server", "The job could not be handed out.", "Look at the primary server's log."));
        }
    }

    /// <summary>What the start phase says, whoever reports it: the client's record of it may come before or after ours.</summary>
    public static string StartText(Job job) => $"handed to the client on {job.Host}";

    private async Task StartPhase(Job job, bool ended)
    {
        var known = (await catalog.Jobs.Phases(job.Id)).FirstOrDefault(p => p.Phase == Phase.Start);
        if (ended && known is not { Ended: null }) return;
        var now = options.Time.GetUtcNow();
        await catalog.Jobs.PutPhase(job.Id, ended
            ? known! with { Ended = now, Outcome = PhaseOutcome.Ok }
            : new PhaseRecord(Phase.Start, now, null, PhaseOutcome.Running, StartText(job)));
        watch.Touch(job.Id);
    }

    private async Task Failed(Job job, Trouble trouble)
    {
        if (await ends.Fail(job.Id, trouble, lost: false, unless: _ => false)) log.LogWarning("job {Job}: {Trouble}", job.Id, trouble);
        Wake();
    }

    private async Task EndIfSilent(Job job)
    {
        if (connections.Client(job.Host) is not null) return;
        var away = connections.AwaySince(job.Host);
        var since = job.Started is { } started && started > away ? started : away;
        if (options.Time.GetUtcNow() - since < options.ClientSilence) return;
        var trouble = new Trouble(null, $"host {job.Host}", "Its client was not heard of any more while the job ran.",
            "See that the host is up and its client runs and reaches the primary server; then run it again: the next run clears what was left "
                + "on the host. A client that lost only its connection goes on with the job when it is back.",
            Retry: true);
        if (await ends.Fail(job.Id, trouble, lost: true, unless: now => now.State != JobState.Active))
            log.LogWarning("job {Job}: {Trouble}", job.Id, trouble);
    }
}
