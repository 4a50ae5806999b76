using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>The pure scheduler.</summary>
public sealed class ScheduleDecisionTests
{
    private static readonly DateTimeOffset s_start = new(2028, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly Retention s_retention = new(30, 2);

    [Fact]
    public void A_year_of_weekly_fulls_and_daily_incrementals_runs_each_once_a_day()
    {
        var time = new FakeTimeProvider(s_start);
        var rhythm = Rhythm(
            new Schedule("weekly", ImageType.Full, TimeSpan.FromDays(7), s_retention),
            new Schedule("daily", ImageType.DifferentialIncremental, TimeSpan.FromDays(1), s_retention),
            new Schedule("monthly", ImageType.CumulativeIncremental, TimeSpan.FromDays(30), s_retention),
            new Schedule("hand", ImageType.Full, null, s_retention));
        Dictionary<string, int> runs = [];
        Dictionary<DateOnly, string> byDay = [];
        while (time.GetUtcNow() < s_start.AddDays(366))
        {
            time.Advance(TimeSpan.FromMinutes(15));
            if (ScheduleDecision.Due(rhythm, time.GetUtcNow()) is not { } due) continue;
            Assert.True(byDay.TryAdd(DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), due.Schedule.Name), "two runs on one day");
            Assert.Equal(0, due.Missed);
            runs[due.Schedule.Name] = runs.GetValueOrDefault(due.Schedule.Name) + 1;
            rhythm = Ran(rhythm, due.Answered, time.GetUtcNow());
        }
        Assert.Equal(366, byDay.Count);
        Assert.Equal(366 / 7, runs["weekly"]);
        // Day 210 is a full's as well: there the full answers for the cumulative.
        Assert.Equal(11, runs["monthly"]);
        Assert.Equal(366 - (366 / 7) - 11, runs["daily"]);
        Assert.False(runs.ContainsKey("hand"));
    }

    [Fact]
    public void What_was_missed_runs_once_and_the_rhythm_stays()
    {
        var rhythm = Rhythm(new Schedule("daily", ImageType.Full, TimeSpan.FromDays(1), s_retention));
        var late = s_start.AddDays(10).AddHours(5);
        var due = ScheduleDecision.Due(rhythm, late)!;
        Assert.Equal(9, due.Missed);
        rhythm = Ran(rhythm, due.Answered, late);
        Assert.Null(ScheduleDecision.Due(rhythm, late));
        Assert.Equal(s_start.AddDays(11), ScheduleDecision.Next(rhythm, rhythm.Policy.Schedules[0]));
    }

    [Fact]
    public void A_run_by_hand_answers_for_the_due_time_before_it_only()
    {
        var rhythm = Ran(Rhythm(new Schedule("daily", ImageType.Full, TimeSpan.FromDays(1), s_retention)), ["daily"],
            s_start.AddDays(1).AddHours(23));
        Assert.Null(ScheduleDecision.Due(rhythm, s_start.AddDays(1).AddHours(23.5)));
        Assert.NotNull(ScheduleDecision.Due(rhythm, s_start.AddDays(2)));
    }

    [Fact]
    public void A_clock_that_goes_back_runs_nothing()
    {
        var rhythm = Ran(Rhythm(new Schedule("daily", ImageType.Full, TimeSpan.FromDays(1), s_retention)), ["daily"], s_start.AddDays(5));
        Assert.Null(ScheduleDecision.Due(rhythm, s_start.AddDays(3)));
        Assert.Null(ScheduleDecision.Due(rhythm, s_start.AddDays(-3)));
    }

    [Fact]
    public void Whenever_it_is_asked_it_runs_what_reads_most_and_never_twice_for_one_due_time()
    {
        var schedules = Gen.Select(Gen.Enum<ImageType>(), Gen.Int[1, 5_000]).Array[1, 5];
        var pauses = Gen.Int[1, 3_000].Array[1, 200];
        Gen.Select(schedules, pauses).Sample((shapes, minutes) =>
        {
            var rhythm = Rhythm([.. shapes.Select((s, i) => new Schedule($"s{i}", s.Item1, TimeSpan.FromMinutes(s.Item2), s_retention))]);
            var now = s_start;
            foreach (var pause in minutes)
            {
                now = now.AddMinutes(pause);
                var due = ScheduleDecision.Due(rhythm, now);
                var expected = rhythm.Policy.Schedules.Where(s => ScheduleDecision.Next(rhythm, s) <= now).ToList();
                Assert.Equal(expected.Count == 0, due is null);
                if (due is null) continue;
                Assert.Equal(expected.Select(s => s.Name).Order(), due.Answered.Order());
                Assert.DoesNotContain(expected, s => s.Type == ImageType.Full && due.Schedule.Type != ImageType.Full);
                rhythm = Ran(rhythm, due.Answered, now);
                Assert.Null(ScheduleDecision.Due(rhythm, now));
            }
        }, seed: "0000dT1h2Iy1", iter: 300);
    }

    private static PolicyRhythm Rhythm(params IReadOnlyList<Schedule> schedules) =>
        new(Policies.Sound("p") with { Schedules = schedules }, s_start, []);

    private static PolicyRhythm Ran(PolicyRhythm rhythm, IReadOnlyList<string> schedules, DateTimeOffset at) => rhythm with
    {
        Runs = [.. rhythm.Runs.Where(r => !schedules.Contains(r.Schedule)), .. schedules.Select(s => new ScheduleRun(s, at))],
    };
}
