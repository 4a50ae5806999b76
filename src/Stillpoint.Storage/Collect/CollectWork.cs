namespace Stillpoint.Storage;

/// <summary>What the steps of one collect share: the unit, the options, progress, the tally, and how long to wait for whom.</summary>
internal sealed class CollectWork(StorageUnit unit, CollectOptions options, IProgress<CollectProgress>? progress)
{
    private readonly long _began = unit.Environment.Time.GetTimestamp();

    public StorageUnit Unit { get; } = unit;

    public CollectKeys? Keys => options.Keys;

    public CollectTally Tally { get; } = new();

    public DeadSessions Dead { get; } = new(unit);

    public void Report(CollectStage stage, long done, long total) => progress?.Report(new CollectProgress(stage, done, total));

    /// <summary>Waits until each session has an end.</summary>
    /// <returns>False when that takes longer than the collect may wait.</returns>
    public Task<bool> WaitAsync(IReadOnlyCollection<Guid> sessions, CancellationToken cancel) => WaitAsync(sessions, static _ => false, cancel);

    /// <summary>Waits until each session that has packs has an end or is seen to live: only then their packs can be told from rubbish.</summary>
    public Task<bool> SettleAsync(IReadOnlyCollection<Guid> sessions, CancellationToken cancel) => WaitAsync(sessions, Dead.IsAlive, cancel);

    private async Task<bool> WaitAsync(IReadOnlyCollection<Guid> sessions, Func<Guid, bool> enough, CancellationToken cancel)
    {
        var time = Unit.Environment.Time;
        IReadOnlyCollection<Guid> left = sessions;
        while (true)
        {
            if (left.Count > 0) left = [.. (await Dead.LookAsync(left, cancel)).Where(s => !enough(s))];
            if (left.Count == 0) return true;
            Report(CollectStage.Waiting, sessions.Count - left.Count, sessions.Count);
            if (options.MostWait is { } most && time.GetElapsedTime(_began) >= most) return false;
            await Task.Delay(Unit.Environment.Margins.Poll, time, cancel);
        }
    }
}

/// <summary>What a collect has done so far.</summary>
internal sealed class CollectTally
{
    public int PacksDeleted { get; set; }

    public long BytesDeleted { get; set; }

    public int PacksRewritten { get; set; }

    public long BytesWritten { get; set; }

    public int PacksKept { get; set; }

    public int ImagesRemoved { get; set; }

    public int ObjectsSwept { get; set; }

    public int PacksResealed { get; set; }

    public bool LackedSpace { get; set; }

    /// <summary>True when a round left packs to the next because they were too many for one.</summary>
    public bool More { get; set; }

    /// <summary>Packs that are damaged, so that they stay as they are.</summary>
    public SortedSet<string> Unreadable { get; } = new(StringComparer.Ordinal);

    /// <summary>Packs that another round deleted since they were listed.</summary>
    public HashSet<string> Gone { get; } = new(StringComparer.Ordinal);

    /// <summary>Packs under an older epoch of the key that are locked, and until when.</summary>
    public Dictionary<string, DateTimeOffset> OldLocked { get; } = new(StringComparer.Ordinal);
}
