namespace Stillpoint.Client;

/// <summary>
/// The pace of reading from a host's disks, over all jobs of this client: never more than the bandwidth that was allowed, and slower when the host's
/// storage is. A read that took long is answered with a pause of the same length, so that our share of a storage that is at its limit falls to half.
/// </summary>
internal sealed class ReadPace(HostLoad load, TimeProvider time)
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(2);
    private readonly Lock _lock = new();
    private long _freeAt = time.GetTimestamp();
    private TimeSpan _pause;

    /// <summary>Time that reads were held back because the storage was slow.</summary>
    public TimeSpan HeldBack { get; private set; }

    /// <summary>Waits until so many bytes may be read.</summary>
    public async ValueTask BeforeAsync(int bytes, CancellationToken cancel)
    {
        var wait = Reserve(bytes);
        if (wait > TimeSpan.Zero) await Task.Delay(wait, time, cancel);
    }

    /// <summary>Notes how long a read took.</summary>
    public void After(TimeSpan took)
    {
        lock (_lock)
        {
            // One slow read may be chance; the pause follows the average of the last few.
            var slow = took > load.SlowRead ? took : TimeSpan.Zero;
            _pause = (_pause * 3 + slow) / 4;
            if (_pause < load.SlowRead / 8) _pause = TimeSpan.Zero;
        }
    }

    private TimeSpan Reserve(int bytes)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var wait = TimeSpan.Zero;
            if (load.BytesPerSecond > 0)
            {
                var start = Math.Max(_freeAt, now);
                _freeAt = start + (long)((double)bytes / load.BytesPerSecond * time.TimestampFrequency);
                wait = time.GetElapsedTime(now, start);
            }
            var pause = _pause < s_longestPause ? _pause : s_longestPause;
            HeldBack += pause;
            return wait + pause;
        }
    }
}
