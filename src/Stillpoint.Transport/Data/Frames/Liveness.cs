namespace Stillpoint.Transport;

/// <summary>Watches one connection: says something when nothing was said for a while, and gives up when nothing was heard for too long.</summary>
internal sealed class Liveness(TimeProvider time, TimeSpan silence, Action speak, Action giveUp)
{
    private long _heard = time.GetTimestamp();
    private long _said = time.GetTimestamp();
    private int _busy;

    /// <summary>Something arrived.</summary>
    internal void Heard() => Volatile.Write(ref _heard, time.GetTimestamp());

    /// <summary>Something was sent.</summary>
    internal void Said() => Volatile.Write(ref _said, time.GetTimestamp());

    /// <summary>While work goes on nobody listens, so silence means nothing.</summary>
    internal void Working(bool on)
    {
        Volatile.Write(ref _busy, on ? 1 : 0);
        if (!on) Heard();
    }

    internal async Task WatchAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(silence / 8, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
            {
                if (Volatile.Read(ref _busy) == 0 && time.GetElapsedTime(Volatile.Read(ref _heard)) > silence)
                {
                    giveUp();
                    return;
                }
                if (time.GetElapsedTime(Volatile.Read(ref _said)) >= silence / 4) speak();
            }
        }
        catch (OperationCanceledException)
        {
            // The connection ended.
        }
    }
}
