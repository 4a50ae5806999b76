namespace Stillpoint.Storage;

/// <summary>How patient the unit is. Nothing here makes anything safe or unsafe: what may be deleted follows from the order of writes
/// alone (docs/INVARIANTS.md), and a margin that is too small only ends sessions that were slow.</summary>
/// <param name="LeaseRenewal">An open session renews its lease this often.</param>
/// <param name="LeasePatience">A session whose lease a collector saw unchanged for this long, on its own clock, is declared dead.</param>
/// <param name="Poll">A collector that waits looks again after this long.</param>
/// <param name="DeadShare">A pack is rewritten without its dead records when they are at least this share of its bytes.</param>
/// <param name="MostClockStep">Two times written in the unit one after the other prove at most this much time between them: the host's
/// clock alone ends no lock.</param>
public sealed record SafetyMargins(TimeSpan LeaseRenewal, TimeSpan LeasePatience, TimeSpan Poll, double DeadShare, TimeSpan MostClockStep)
{
    /// <summary>What is used unless an administrator says otherwise.</summary>
    public static SafetyMargins Default { get; } = new(
        TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(2), DeadShare: 0.3, TimeSpan.FromDays(32));
}
