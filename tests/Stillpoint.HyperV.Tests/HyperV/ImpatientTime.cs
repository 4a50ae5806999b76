namespace Stillpoint.HyperV.Tests;

/// <summary>A clock for waits: short delays end at once and move the clock, long ones (timeouts) end when the test says so.</summary>
internal sealed class ImpatientTime : TimeProvider
{
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();
    private readonly List<WaitingTimer> _timeouts = [];
    private long _ticks = DateTimeOffset.UnixEpoch.AddYears(56).Ticks;

    /// <summary>The delays that were waited for, in order.</summary>
    public List<TimeSpan> Delays { get; } = [];

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    /// <summary>Lets every timeout that is set expire.</summary>
    public void ExpireTimeouts()
    {
        WaitingTimer[] due;
        lock (_gate) due = [.. _timeouts];
        foreach (var timer in due) timer.Fire();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new WaitingTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class WaitingTimer(ImpatientTime time, TimerCallback callback, object? state) : ITimer
    {
        private bool _disposed;

        public void Fire()
        {
            if (!_disposed) callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._gate)
            {
                time._timeouts.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan) return true;
                if (dueTime > LongestDelay)
                {
                    time._timeouts.Add(this);
                    return true;
                }
                time.Delays.Add(dueTime);
            }
            time.Advance(dueTime);
            ThreadPool.QueueUserWorkItem(_ => Fire());
            return true;
        }

        public void Dispose()
        {
            _disposed = true;
            lock (time._gate) time._timeouts.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
