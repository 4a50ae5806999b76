using Microsoft.Extensions.Logging;
using Stillpoint.Model;
using Stillpoint.Storage;
using StorageUnit = Stillpoint.Storage.StorageUnit;

namespace Stillpoint.Media;

/// <summary>The collects of this media server, one a unit at a time, in the background: they take as long as backups run that began before. One that
/// is cut off goes on with the next.</summary>
internal sealed class UnitCollects(ILogger log) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, Collect> _last = [];

    /// <summary>Begins one; where one runs, that is told of.</summary>
    public CollectState Start(string name, StorageUnit unit, CollectPlan plan)
    {
        lock (_gate)
        {
            if (_last.TryGetValue(name, out var running) && running.State.Running) return running.State;
            var collect = new Collect();
            collect.Task = Task.Run(() => RunAsync(name, unit, plan, collect));
            _last[name] = collect;
            return collect.State;
        }
    }

    /// <summary>How the last one stands; one that never ran when there was none.</summary>
    public CollectState Of(string name)
    {
        lock (_gate) return _last.TryGetValue(name, out var last) ? last.State : new CollectState(Running: false);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] running;
        lock (_gate) running = [.. _last.Values.Select(c => c.Task)];
        await Task.WhenAll(running);
        _stop.Dispose();
    }

    private async Task RunAsync(string name, StorageUnit unit, CollectPlan plan, Collect collect)
    {
        try
        {
            var report = await Collector.RunAsync(unit, new CollectOptions(Plan: plan), collect, _stop.Token);
            log.LogInformation("Storage unit '{Name}' is collected: {Freed} freed, {Images} images removed.",
                name, Bytes.Format(Math.Max(0, report.BytesFreed)), report.ImagesRemoved);
            collect.State = new CollectState(Running: false, Report: report);
        }
        catch (TroubleException e)
        {
            log.LogWarning("Collect of storage unit '{Name}': {Trouble}", name, e.Trouble);
            collect.State = new CollectState(Running: false, Trouble: e.Trouble);
        }
        catch (OperationCanceledException)
        {
            collect.State = Failed(name, "The media server stops.", "Run the collect again: it goes on.", retry: true);
        }
        catch (Exception e)
        {
            log.LogError(e, "Collect of storage unit '{Name}'", name);
            collect.State = Failed(name, "The collect failed.", "Look at the media server's log.", retry: false);
        }
    }

    private static CollectState Failed(string name, string message, string next, bool retry) =>
        new(Running: false, Trouble: new Trouble(null, $"storage unit {name}", message, next, Retry: retry));

    private sealed class Collect : IProgress<CollectProgress>
    {
        private volatile CollectState _state = new(Running: true);

        public CollectState State
        {
            get => _state;
            set => _state = value;
        }

        public Task Task { get; set; } = Task.CompletedTask;

        public void Report(CollectProgress value) => State = new CollectState(Running: true, Words.Of(value.Stage), value.Done, value.Total);
    }
}
