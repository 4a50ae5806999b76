using System.Collections.Concurrent;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Tells who waits that a job changed, and holds what is not worth a write: progress. Both end with the process.</summary>
internal sealed class JobWatch(TimeProvider time)
{
    private readonly ConcurrentDictionary<Guid, Entry> _entries = new();

    // Revisions go on from the clock, so that one of an earlier process is never taken for a current one.
    private readonly long _first = time.GetUtcNow().UtcTicks;
    private long _last = time.GetUtcNow().UtcTicks;

    /// <summary>Progress and revision of a job as they stand.</summary>
    public (JobProgress? Progress, long Revision) Look(Guid jobId) =>
        _entries.TryGetValue(jobId, out var entry) ? (entry.Progress, entry.Revision) : (null, _first);

    /// <summary>The job changed.</summary>
    public void Touch(Guid jobId) => Set(jobId, old => old.Progress);

    /// <summary>The job came further.</summary>
    public void Progress(Guid jobId, JobProgress progress) => Set(jobId, _ => progress);

    /// <summary>The job ended: nothing of it is held any longer.</summary>
    public void End(Guid jobId)
    {
        if (_entries.TryRemove(jobId, out var entry)) entry.Changed.TrySetResult();
    }

    /// <summary>Waits until the job is at another revision than <paramref name="seen"/>, or the time is over.</summary>
    public async Task Wait(Guid jobId, long seen, TimeSpan atMost, CancellationToken cancel)
    {
        var entry = _entries.GetOrAdd(jobId, _ => new Entry(_first, null));
        if (entry.Revision != seen) return;
        try
        {
            await entry.Changed.Task.WaitAsync(atMost, time, cancel);
        }
        catch (TimeoutException)
        {
            // Nothing happened: the answer says so by its revision.
        }
    }

    private void Set(Guid jobId, Func<Entry, JobProgress?> progress)
    {
        Entry? replaced = null;
        _entries.AddOrUpdate(jobId,
            _ => new Entry(Interlocked.Increment(ref _last), progress(Entry.None)),
            (_, old) =>
            {
                replaced = old;
                return new Entry(Interlocked.Increment(ref _last), progress(old));
            });
        replaced?.Changed.TrySetResult();
    }

    private sealed record Entry(long Revision, JobProgress? Progress)
    {
        public static Entry None { get; } = new(0, null);

        public TaskCompletionSource Changed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
