namespace Stillpoint.Storage;

/// <summary>What a storage unit takes from outside.</summary>
/// <param name="Time">The clock.</param>
/// <param name="NewId">Source of ids of sessions, packs and notes; random ones outside of tests.</param>
/// <param name="Name">What people call the unit, for messages; null where they know its place alone.</param>
/// <param name="Known">True when the unit is known to have been there: then its absence means that its folder or mount is missing.</param>
/// <param name="Cache">Folder for copies of a unit's index where its volume is not a directory; null for none, so that the index is made from the packs
/// at each start.</param>
public sealed record UnitEnvironment(TimeProvider Time, Func<Guid> NewId, string? Name = null, bool Known = false, string? Cache = null)
{
    /// <summary>How patient it is.</summary>
    public SafetyMargins Margins { get; init; } = SafetyMargins.Default;

    /// <summary>Ends when who wants nothing more of a volume has waited long enough for its answer.</summary>
    internal CancellationTokenSource NewParting() => new(Margins.Parting, Time);

    /// <summary>The latest time that a clock may have written by now; what is dated later comes from one that ran ahead.</summary>
    internal DateTimeOffset Latest => Time.GetUtcNow() + Margins.ClockTolerance;
}
