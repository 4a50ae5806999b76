namespace Stillpoint.Model;

/// <summary>What asks the primary server to prune a storage unit.</summary>
/// <param name="Policy">What stays of each VM.</param>
/// <param name="Vm">The one VM to look at: its name or id; null looks at all.</param>
/// <param name="DryRun">True to make the plan, signed, and change nothing.</param>
public sealed record PruneRequest(RetentionPolicy Policy, string? Vm = null, bool DryRun = false);

/// <summary>What a prune did.</summary>
/// <param name="Plan">The plan, signed by the primary server.</param>
/// <param name="Expired">The images that were given up; null for a dry run.</param>
public sealed record PruneOutcome(PrunePlan Plan, IReadOnlyList<Guid>? Expired);
