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
    /// <summary>A pack of fewer bytes is small.</summary>
    public long SmallPack { get; init; } = 16L << 20;

    /// <summary>Small packs are brought together when there are so many of a kind: fewer are not worth their rewriting, and a record is
    /// rewritten a few times at most until its pack is large.</summary>
    public int MostSmallPacks { get; init; } = 8;

    /// <summary>So far two clocks may differ; what is dated further in the future comes from a clock that ran ahead.</summary>
    public TimeSpan ClockTolerance { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Bytes of packs that one round seals anew; then it deletes the old ones, before the next round needs room.</summary>
    public long ResealAtOnce { get; init; } = 8L << 30;

    /// <summary>Who wants nothing more of a volume still tells it so, and waits this long for its answer.</summary>
    public TimeSpan Parting { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What is used unless an administrator says otherwise.</summary>
    public static SafetyMargins Default { get; } = new(
        TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(2), DeadShare: 0.3, TimeSpan.FromDays(32));
}
