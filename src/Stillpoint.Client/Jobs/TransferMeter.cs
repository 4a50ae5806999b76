using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>Turns byte counts into progress reports: at most four a second, with the rate over the last five seconds and the time left.
/// Several streams may report through <see cref="Stream"/> one after another.</summary>
internal sealed class TransferMeter(Phase phase, long total, TimeProvider time, Action<JobProgress> report)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(5);
    private readonly Queue<(long At, long Done)> _samples = new([(time.GetTimestamp(), 0L)]);
    private readonly Lock _lock = new();
    private long _finished;
    private long _last;

    /// <summary>Called once when half of the bytes are done.</summary>
    public Action? OnHalf { get; set; }

    /// <summary>Progress of the next stream; its bytes are added to those of the streams before.</summary>
    public IProgress<long> Stream() => new StreamProgress(this);

    private void Report(long done, bool force)
    {
        lock (_lock)
        {
            if (OnHalf is { } half && done * 2 >= total)
            {
                OnHalf = null;
                half();
            }
            var now = time.GetTimestamp();
            if (!force && _last != 0 && time.GetElapsedTime(_last, now) < s_interval) return;
            _last = now;
            _samples.Enqueue((now, done));
            while (_samples.Count > 2 && time.GetElapsedTime(_samples.Peek().At, now) > s_window) _samples.Dequeue();
            var (at, before) = _samples.Peek();
            var seconds = time.GetElapsedTime(at, now).TotalSeconds;
            var rate = seconds > 0 ? (long)((done - before) / seconds) : 0;
            report(new JobProgress(phase, done, total, rate, rate > 0 && total > 0 ? Math.Max(0, total - done) / (double)rate : null));
        }
    }

    private sealed class StreamProgress(TransferMeter meter) : IProgress<long>
    {
        private readonly long _before = meter._finished;

        public void Report(long value)
        {
            meter._finished = Math.Max(meter._finished, _before + value);
            meter.Report(meter._finished, force: false);
        }
    }
}
