using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Looks which schedules are due and queues their jobs. What is due is decided in Model; here is only the clock.</summary>
internal sealed class SchedulerLoop(CatalogStore catalog, JobRequests requests, PrimaryOptions options, ILogger<SchedulerLoop> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Rhythm, options.Time);
        do
        {
            try
            {
                foreach (var rhythm in await catalog.Policies.List())
                {
                    if (ScheduleDecision.Due(rhythm, options.Time.GetUtcNow()) is { } due) await requests.RunDue(due);
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                log.LogError(e, "the schedules could not be looked at; the next time tries again");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
