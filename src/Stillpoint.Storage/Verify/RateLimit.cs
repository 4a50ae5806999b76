namespace Stillpoint.Storage;

/// <summary>Keeps a rate over a verify's readers: each waits until the bytes before its own have had their time. Safe for several threads.</summary>
/// <param name="bytesPerSecond">At least 1.</param>
/// <param name="time">Clock.</param>
internal sealed class RateLimit(long bytesPerSecond, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly long _rate = Math.Max(1, bytesPerSecond);
    private DateTimeOffset _free = DateTimeOffset.MinValue;

    /// <summary>Returns when <paramref name="bytes"/> may be read.</summary>
    public Task WaitAsync(long bytes, CancellationToken cancel)
    {
        TimeSpan wait;
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (_free < now) _free = now;
            wait = _free - now;
            _free += TimeSpan.FromSeconds((double)bytes / _rate);
        }
        return wait > TimeSpan.Zero ? Task.Delay(wait, time, cancel) : Task.CompletedTask;
    }
}
