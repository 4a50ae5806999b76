using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Stillpoint.Primary;

/// <summary>Work that nobody waits for: what goes wrong is logged, and the server does not end under it.</summary>
internal sealed class Errands(ILogger<Errands> log) : IHostedService, IDisposable
{
    private readonly ConcurrentDictionary<Task, bool> _running = new();
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Begins an errand; its token ends when the server stops.</summary>
    /// <param name="what">For the log.</param>
    /// <param name="work">The errand.</param>
    public void Run(string what, Func<CancellationToken, Task> work)
    {
        var task = Task.Run(async () =>
        {
            try
            {
                await work(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // The server stops; whatever this was about is settled at the next start.
            }
            catch (Exception e)
            {
                log.LogError(e, "{What}", what);
            }
        });
        _running[task] = true;
        task.ContinueWith(ended => _running.TryRemove(ended, out _), TaskScheduler.Default);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running.Keys).WaitAsync(cancellationToken);
    }

    public void Dispose() => _stop.Dispose();
}
