namespace Stillpoint.Lab;

/// <summary>Lets the guests of all running VMs write at a steady rate.</summary>
internal sealed class WriteLoop : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public WriteLoop(LabParts parts, LabOptions options) =>
        _loop = options.WriteRate > 0 ? Task.Run(() => RunAsync(parts, options)) : Task.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task RunAsync(LabParts parts, LabOptions options)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), options.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                var running = parts.Context.State.Read(all => all.Where(m => !m.IsPlanned && m.Power == PowerState.Running).ToArray());
                foreach (var machine in running) await WriteAsync(parts, machine, Math.Max(1, options.WriteRate / running.Length));
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task WriteAsync(LabParts parts, Machine machine, long bytes)
    {
        try
        {
            await parts.Guests.WriteAsync(machine, bytes, seed: null, _stop.Token);
        }
        catch (JobFailedException)
        {
            // The VM was stopped in between: it simply does not write.
        }
    }
}
