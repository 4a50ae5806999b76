using System.Collections.Concurrent;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Runs the upkeep of a unit's indexes: one at a time for a domain, in the background where nobody waits for it. An upkeep that fails
/// costs the next start some time and nothing else, so nobody hears of it; <c>store index</c> does the same aloud.</summary>
/// <param name="files">The unit's runs.</param>
/// <param name="newId">Source of run ids.</param>
internal sealed class IndexKeeper(RunFiles files, Func<Guid> newId) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Guid, SemaphoreSlim> _gates = new();
    private readonly ConcurrentDictionary<Guid, Task> _running = new();

    private readonly CancellationTokenSource _stop = new();

    public RunFiles Files => files;

    /// <summary>Ends what runs in the background.</summary>
    public void Stop()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The unit is closed, so nothing runs.
        }
    }

    /// <summary>Does the upkeep of a domain now.</summary>
    public async Task<IndexReport> RunAsync(Guid domain, UpkeepDepth depth, IProgress<long>? progress, CancellationToken cancel)
    {
        var gate = _gates.GetOrAdd(domain, static _ => new SemaphoreSlim(1));
        await gate.WaitAsync(cancel);
        try
        {
            return await new IndexUpkeep(files, domain, newId).RunAsync(depth, progress, cancel);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>The same, when it can be done: a volume may be full, or not be written to at all.</summary>
    /// <returns>False when it cannot.</returns>
    public async Task<bool> TryRunAsync(Guid domain, CancellationToken cancel)
    {
        if (!files.Usable) return false;
        try
        {
            await RunAsync(domain, UpkeepDepth.WhenDue, null, cancel);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TroubleException)
        {
            return false;
        }
    }

    /// <summary>Starts the upkeep of an index that holds many packs in memory, unless it runs already, and lets the index take up what was
    /// made.</summary>
    public void Start(DomainIndex index)
    {
        if (!files.Usable) return;
        _running.AddOrUpdate(
            index.Domain, _ => Task.Run(() => KeepAsync(index)), (_, running) => running.IsCompleted ? Task.Run(() => KeepAsync(index)) : running);
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_running.Values);
        _stop.Dispose();
        foreach (var gate in _gates.Values) gate.Dispose();
    }

    private async Task KeepAsync(DomainIndex index)
    {
        try
        {
            if (await TryRunAsync(index.Domain, _stop.Token)) await index.RefreshAsync(files.Volume, files.Unit, _stop.Token);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The index stays as it was, which is true; or nobody uses it any more.
        }
    }
}
