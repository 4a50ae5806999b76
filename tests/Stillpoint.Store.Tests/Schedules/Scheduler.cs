using Microsoft.Extensions.Time.Testing;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>
/// Lets the volume calls of several processes through one at a time, in an order drawn from a seed. It stops a process for any number of
/// calls, kills it before or after a call took effect, and moves the clock that all share. A schedule that does not end is named by its seed,
/// with what each process asked for last.
/// </summary>
internal sealed class Scheduler(int seed, FakeTimeProvider time)
{
    /// <summary>Ten times what the longest schedule takes: one that needs more does not end.</summary>
    private const int MostCalls = 200_000;

    /// <summary>Looks in a row that find no call to let through: hours on the clock that all share, so a process waits for what never comes.</summary>
    private const int MostIdle = 2_000_000;

    private readonly Random _random = new(seed);
    private readonly Lock _gate = new();
    private readonly List<(ScheduledProcess Process, TaskCompletionSource Go)> _waiting = [];
    private readonly Dictionary<string, string> _asked = new(StringComparer.Ordinal);

    /// <summary>Calls let through, processes killed and stopped.</summary>
    public (int Calls, int Kills, int Pauses) Done { get; private set; }

    /// <summary>False lets all through as it comes.</summary>
    public bool Active { get; set; } = true;

    /// <summary>Returns when the process may make its call.</summary>
    public Task PassAsync(ScheduledProcess process, string call)
    {
        if (!Active) return Task.CompletedTask;
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _asked[process.Name] = call;
            _waiting.Add((process, go));
        }
        return go.Task;
    }

    /// <summary>Moves the clock until the work is done: nobody else is left who could.</summary>
    public async Task EndAsync(Task work)
    {
        for (var steps = 0; !work.IsCompleted; steps++)
        {
            if (steps > MostIdle) throw Endless($"{steps} steps of the clock");
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
            if (steps % 200 == 199) await Task.Delay(1);
        }
    }

    /// <summary>Runs until all processes are through.</summary>
    public async Task RunAsync(IReadOnlyList<Task> processes, double killShare)
    {
        var idle = 0;
        while (processes.Any(p => !p.IsCompleted))
        {
            if (Done.Calls > MostCalls) throw Endless($"{MostCalls} calls");
            if (Pick() is not { } next)
            {
                // Either threads are at work, or all wait for the clock.
                if (++idle > MostIdle) throw Endless($"{Done.Calls} calls none comes any more");
                if (idle % 20 == 0) time.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
                if (idle % 200 == 0) await Task.Delay(1);
                continue;
            }
            idle = 0;
            var (calls, kills, pauses) = Done;
            if (_random.NextDouble() < killShare)
            {
                next.Process.Kill(afterCall: _random.Next(2) == 0);
                kills++;
            }
            else if (_random.NextDouble() < 0.004)
            {
                next.Process.StoppedFor = _random.Next(20, 400);
                pauses++;
            }
            if (_random.NextDouble() < 0.03) time.Advance(TimeSpan.FromSeconds(_random.Next(1, 40)));
            Done = (calls + 1, kills, pauses);
            next.Go.SetResult();
        }
    }

    private InvalidOperationException Endless(string after)
    {
        lock (_gate)
        {
            var asked = string.Join("; ", _asked.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key}: {a.Value}"));
            return new InvalidOperationException($"seed {seed} does not end: after {after} not all are through. Asked last: {asked}");
        }
    }

    private (ScheduledProcess Process, TaskCompletionSource Go)? Pick()
    {
        lock (_gate)
        {
            if (_waiting.Count == 0) return null;
            var ready = Enumerable.Range(0, _waiting.Count).Where(i => --_waiting[i].Process.StoppedFor <= 0).ToList();
            if (ready.Count == 0) return null;
            var chosen = ready[_random.Next(ready.Count)];
            var next = _waiting[chosen];
            _waiting.RemoveAt(chosen);
            return next;
        }
    }
}
