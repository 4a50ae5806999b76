using Spectre.Console;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>
/// Progress of long work on standard error: done, total, rate over the last seconds, time left. On a terminal one line that is rewritten;
/// otherwise a line every ten seconds, so that a log stays readable.
/// </summary>
internal sealed class ByteProgress : IProgress<long>, IDisposable
{
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(5);
    private readonly Lock _lock = new();
    private readonly Queue<(long At, long Done)> _samples = new();
    private readonly string _title;
    private long _total;
    private readonly TimeProvider _time;
    private readonly bool _terminal = !Console.IsErrorRedirected;
    private long _lastShown;
    private long _done;
    private bool _shown;

    /// <param name="title">What is being done.</param>
    /// <param name="total">Bytes in all; 0 where it is not known.</param>
    /// <param name="time">Clock.</param>
    public ByteProgress(string title, long total, TimeProvider time)
    {
        (_title, _total, _time) = (title, total, time);
        _lastShown = time.GetTimestamp();
        _samples.Enqueue((_lastShown, 0));
    }

    /// <summary>Bytes in all, where it became known later.</summary>
    public long Total
    {
        get => Interlocked.Read(ref _total);
        set => Interlocked.Exchange(ref _total, value);
    }

    /// <inheritdoc/>
    public void Report(long value)
    {
        lock (_lock)
        {
            _done = value;
            var now = _time.GetTimestamp();
            if (_time.GetElapsedTime(_lastShown, now) < (_terminal ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(10))) return;
            _lastShown = now;
            _samples.Enqueue((now, value));
            while (_samples.Count > 2 && _time.GetElapsedTime(_samples.Peek().At, now) > s_window) _samples.Dequeue();
            Show(Line(now));
        }
    }

    /// <summary>Ends the line.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_terminal && _shown) Console.Error.Write("\r\x1b[K");
        }
    }

    /// <summary>One line for a job's progress: the same words everywhere.</summary>
    public static string Describe(JobProgress progress)
    {
        var share = progress.BytesTotal > 0 ? $" {100.0 * progress.BytesDone / progress.BytesTotal:0} %" : "";
        var of = progress.BytesTotal > 0 ? $" of {Bytes.Format(progress.BytesTotal)}" : "";
        var left = progress.SecondsLeft is { } s ? $", {TimeSpan.FromSeconds(Math.Ceiling(s)):m\\:ss} left" : "";
        return $"{Words.Of(progress.Phase)}{share}: {Bytes.Format(progress.BytesDone)}{of}, {Bytes.Format(progress.BytesPerSecond)}/s{left}";
    }

    private string Line(long now)
    {
        var (at, done) = _samples.Peek();
        var seconds = _time.GetElapsedTime(at, now).TotalSeconds;
        var rate = seconds > 0 ? (_done - done) / seconds : 0;
        // A total may be an estimate; once it is passed, it says nothing any more.
        var total = Total >= _done ? Total : 0;
        var share = total > 0 ? $" {100.0 * _done / total,3:0} %" : "";
        var of = total > 0 ? $" of {Bytes.Format(total)}" : "";
        var left = total > 0 && rate > 1 ? $", {TimeSpan.FromSeconds(Math.Ceiling((total - _done) / rate)):h\\:mm\\:ss} left" : "";
        return $"{_title}{share}  {Bytes.Format(_done)}{of}, {Bytes.Format((long)rate)}/s{left}";
    }

    private void Show(string line)
    {
        if (_terminal)
        {
            var width = Math.Max(20, Terminal.Err.Profile.Width - 1);
            Console.Error.Write("\r" + (line.Length > width ? line[..width] : line) + "\x1b[K");
        }
        else
        {
            Console.Error.WriteLine(line);
        }
        _shown = true;
    }
}
