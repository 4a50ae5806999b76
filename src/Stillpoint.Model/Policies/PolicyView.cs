namespace Stillpoint.Model;

/// <summary>A policy with what the primary server knows of its rhythm.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Changed">When it was created or its schedules were last changed, UTC.</param>
/// <param name="Schedules">One entry a schedule, in the policy's order.</param>
public sealed record PolicyView(Policy Policy, DateTimeOffset Changed, IReadOnlyList<ScheduleView> Schedules);

/// <summary>A schedule as lists show it.</summary>
/// <param name="Policy">Name of its policy.</param>
/// <param name="Schedule">The schedule.</param>
/// <param name="LastRun">When it last ran, UTC.</param>
/// <param name="NextRun">When it is due next, UTC; null for one that is run by hand only.</param>
public sealed record ScheduleView(string Policy, Schedule Schedule, DateTimeOffset? LastRun, DateTimeOffset? NextRun);
