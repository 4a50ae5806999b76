namespace Stillpoint.Model;

/// <summary>Places where a crash is interesting. The kill matrix stops the process at each of them in turn; otherwise they do nothing.</summary>
public enum KillPoint
{
    // client, backup
    IntentRecorded,
    CheckpointCreated,
    CheckpointRenamed,
    TransferHalf,
    ChunksDurable,
    ImageCommitted,
    Converted,
    BaseNoteWritten,
    PreviousDestroyed,
    Merged,
    ReportKept,

    // client, restore
    PlannedImported,
    DisksRestored,
    Realized,
    RestoreKept,

    // client, rollback
    RolledBack,

    // media server
    SessionOpened,
    PackDurable,
    CommitPut,

    // primary
    JobQueued,
    JobDispatched,
    OutcomeReceived,
}

/// <summary>Stops the process dead at a named place when a test asked for it.</summary>
public static class Kill
{
    /// <summary>The environment variable that names the place, in kebab case; <c>name:3</c> means the third time it is reached.</summary>
    public const string Variable = "STILLPOINT_KILL_AT";

    private static readonly KillPoint? s_armed = Parse(Environment.GetEnvironmentVariable(Variable), out s_remaining);
    private static int s_remaining;

    /// <summary>Does nothing unless <see cref="Variable"/> names <paramref name="point"/>; then the process ends at once with exit code 137,
    /// as after kill -9: no handler, no flush, no message.</summary>
    public static void Reach(KillPoint point)
    {
        if (s_armed != point || Interlocked.Decrement(ref s_remaining) != 0) return;
        var self = System.Diagnostics.Process.GetCurrentProcess();
        self.Kill();
        self.WaitForExit();
    }

    private static KillPoint? Parse(string? text, out int count)
    {
        count = 1;
        if (string.IsNullOrEmpty(text)) return null;
        var parts = text.Split(':');
        if (parts.Length == 2 && int.TryParse(parts[1], out var nth)) count = nth;
        return Words.TryParse<KillPoint>(parts[0], out var point)
            ? point
            : throw new InvalidOperationException($"{Variable}={text} names no kill point.");
    }
}
