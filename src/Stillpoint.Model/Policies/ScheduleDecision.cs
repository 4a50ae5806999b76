namespace Stillpoint.Model;

/// <summary>When a schedule last ran.</summary>
/// <param name="Schedule">Its name in the policy.</param>
/// <param name="At">When it last ran or was answered for by a run that read more, UTC.</param>
public sealed record ScheduleRun(string Schedule, DateTimeOffset At);

/// <summary>A policy as the scheduler sees it.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Anchor">When its rhythm began: when it was created or its schedules were last changed, UTC.</param>
/// <param name="Runs">The last run of each schedule that ran.</param>
public sealed record PolicyRhythm(Policy Policy, DateTimeOffset Anchor, IReadOnlyList<ScheduleRun> Runs);

/// <summary>What is due of one policy.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Schedule">The schedule that runs.</param>
/// <param name="Answered">All schedules that this run answers for: itself, and those that were due too and would have read less.</param>
/// <param name="Missed">Due times that passed without a run, beyond the one that runs now: they are made up for once, not each.</param>
public sealed record DueRun(Policy Policy, Schedule Schedule, IReadOnlyList<string> Answered, long Missed);

/// <summary>
/// Which schedules are due: pure, so that a year can be asked in a test. A schedule's due times are <c>anchor + n × every</c> with n ≥ 1; it is
/// due when one of them lies after its last run and not after now. Where several of a policy are due at once only the one that reads most
/// runs, a full before a cumulative before a differential, and it answers for the others.
/// </summary>
public static class ScheduleDecision
{
    /// <summary>What is due at <paramref name="now"/>, or null.</summary>
    public static DueRun? Due(PolicyRhythm rhythm, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(rhythm);
        Schedule? first = null;
        List<string> answered = [];
        long missed = 0;
        foreach (var schedule in rhythm.Policy.Schedules.OrderBy(s => Rank(s.Type)).ThenBy(s => s.Every))
        {
            if (schedule.Every is not { } every) continue;
            var passed = Passed(rhythm, schedule.Name, every, now);
            if (passed == 0) continue;
            if (first is null) (first, missed) = (schedule, passed - 1);
            answered.Add(schedule.Name);
        }
        return first is null ? null : new DueRun(rhythm.Policy, first, answered, missed);
    }

    /// <summary>The next due time of a schedule after its last run; null for one that is run by hand only.</summary>
    public static DateTimeOffset? Next(PolicyRhythm rhythm, Schedule schedule)
    {
        ArgumentNullException.ThrowIfNull(rhythm);
        ArgumentNullException.ThrowIfNull(schedule);
        if (schedule.Every is not { } every || every <= TimeSpan.Zero) return null;
        var periods = Periods(rhythm.Anchor, LastOf(rhythm, schedule.Name), every);
        return rhythm.Anchor + TimeSpan.FromTicks(checked(every.Ticks * (periods + 1)));
    }

    private static long Passed(PolicyRhythm rhythm, string schedule, TimeSpan every, DateTimeOffset now) =>
        every <= TimeSpan.Zero ? 0 : Math.Max(0, Periods(rhythm.Anchor, now, every) - Periods(rhythm.Anchor, LastOf(rhythm, schedule), every));

    private static DateTimeOffset LastOf(PolicyRhythm rhythm, string schedule) =>
        rhythm.Runs.Where(r => r.Schedule == schedule).Select(r => r.At).DefaultIfEmpty(rhythm.Anchor).Max();

    private static long Periods(DateTimeOffset anchor, DateTimeOffset at, TimeSpan every) => at <= anchor ? 0 : (at - anchor).Ticks / every.Ticks;

    private static int Rank(ImageType type) => type switch
    {
        ImageType.Full => 0,
        ImageType.CumulativeIncremental => 1,
        _ => 2,
    };
}
