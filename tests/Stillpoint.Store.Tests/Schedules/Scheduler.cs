using Microsoft.Extensions.Time.Testing;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>
/// Lets the volume calls of several processes through one at a time, in an order drawn from a seed. It stops a process for any number of
/// calls, kills it before or after a call took effect, and moves the clock that all share.
/// </summary>
internal sealed class Scheduler(int seed, FakeTimeProvider time)
{
    /// <summary>Ten times what a schedule takes: one that needs more does not end.</summary>
    private const int MostCalls = 200_000;

    /// <summary>Looks in a row that find no call to let through, some minutes of them: a process waits for something that never comes.</summary>
    private const int MostIdle = 20_000_000;

    private readonly Random _random = new(seed);
    private readonly Lock _gate = new();
    private readonly List<(ScheduledVolume Process, TaskCompletionSource Go)> _waiting = [];

    /// <summary>Calls let through, processes killed and stopped.</summary>
    public (int Calls, int Kills, int Pauses) Done { get; private set; }

    /// <summary>False lets all through as it comes.</summary>
    public bool Active { get; set; } = true;

    /// <summary>Returns when the process may make its call.</summary>
    public Task PassAsync(ScheduledVolume process)
    {
        if (!Active) return Task.CompletedTask;
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate) _waiting.Add((process, go));
        return go.Task;
    }

    /// <summary>Runs until all processes are through.</summary>
    public async Task RunAsync(IReadOnlyList<Task> processes, double killShare)
    {
        var idle = 0;
        while (processes.Any(p => !p.IsCompleted))
        {
            if (Done.Calls > MostCalls) throw new InvalidOperationException($"after {MostCalls} calls the processes are not through");
            if (Pick() is not { } next)
            {
                // Either threads are at work, or all wait for the clock.
                if (++idle > MostIdle) throw new InvalidOperationException("no process makes a call any more, and not all are through");
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

    private (ScheduledVolume Process, TaskCompletionSource Go)? Pick()
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

/// <summary>A process's sight of the shared volume. Once it is killed no call of it has any effect.</summary>
internal sealed class ScheduledVolume(IVolume inner, Scheduler scheduler) : IVolume
{
    private volatile bool _dead;
    private volatile bool _dying;

    public string Name => inner.Name;

    /// <summary>Turns that it does not get.</summary>
    public int StoppedFor { get; set; }

    public bool Dead => _dead;

    public void Kill(bool afterCall)
    {
        if (afterCall) _dying = true;
        else _dead = true;
    }

    public ValueTask<IReadOnlyList<VolumeEntry>> ListAsync(string prefix, CancellationToken cancel) =>
        CallAsync(() => inner.ListAsync(prefix, cancel));

    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancel) =>
        CallAsync(() => inner.ReadAsync(name, offset, buffer, cancel));

    public ValueTask<bool> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
        CallAsync(() => inner.PutIfAbsentAsync(name, bytes, cancel));

    public async ValueTask PutAsync(string name, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
        await CallAsync(async () =>
        {
            await inner.PutAsync(name, bytes, cancel);
            return true;
        });

    public async ValueTask<IVolumeWriter> CreateAsync(string name, CancellationToken cancel) =>
        new Writer(this, await CallAsync(() => inner.CreateAsync(name, cancel)));

    public async ValueTask DeleteAsync(string name, CancellationToken cancel) =>
        await CallAsync(async () =>
        {
            await inner.DeleteAsync(name, cancel);
            return true;
        });

    public async ValueTask SyncNamesAsync(string prefix, CancellationToken cancel) =>
        await CallAsync(async () =>
        {
            await inner.SyncNamesAsync(prefix, cancel);
            return true;
        });

    public ValueTask DisposeAsync() => default;

    private async ValueTask<T> CallAsync<T>(Func<ValueTask<T>> call)
    {
        await scheduler.PassAsync(this);
        if (_dead) throw new IOException("the process was killed");
        var result = await call();
        if (!_dying) return result;
        _dead = true;
        throw new IOException("the process was killed");
    }

    private sealed class Writer(ScheduledVolume volume, IVolumeWriter writer) : IVolumeWriter
    {
        public async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
            await volume.CallAsync(async () =>
            {
                await writer.AppendAsync(bytes, cancel);
                return true;
            });

        public async ValueTask CompleteAsync(CancellationToken cancel) =>
            await volume.CallAsync(async () =>
            {
                await writer.CompleteAsync(cancel);
                return true;
            });

        public ValueTask DisposeAsync() => writer.DisposeAsync();
    }
}
