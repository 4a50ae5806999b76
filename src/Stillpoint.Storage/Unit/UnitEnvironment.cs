namespace Stillpoint.Storage;

/// <summary>What a storage unit takes from outside.</summary>
/// <param name="Time">The clock.</param>
/// <param name="NewId">Source of ids of sessions, packs and notes; random ones outside of tests.</param>
public sealed record UnitEnvironment(TimeProvider Time, Func<Guid> NewId);
