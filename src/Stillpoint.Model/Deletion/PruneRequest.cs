namespace Stillpoint.Model;

/// <summary>What asks the primary server to prune a storage unit.</summary>
/// <param name="Policy">What stays of each VM.</param>
/// <param name="Vm">The one VM to look at: its name or id; null looks at all.</param>
/// <param name="DryRun">True to make the plan and change nothing; it is signed unless it takes what a policy promises.</param>
/// <param name="Force">True to give up images, too, that the retention of a policy still promises to keep.</param>
public sealed record PruneRequest(RetentionPolicy Policy, string? Vm = null, bool DryRun = false, bool Force = false);

/// <summary>What a prune did.</summary>
/// <param name="Plan">The plan, signed by the primary server; not signed, where it takes promised images and that was not forced.</param>
/// <param name="Expired">The images that were given up; null for a dry run.</param>
/// <param name="Names">Names of the plan's VMs, as far as the primary server knows them.</param>
/// <param name="Promised">Images of the plan that go although a policy promises to keep them: which one, and for how long.</param>
public sealed record PruneOutcome(
    PrunePlan Plan, IReadOnlyList<Guid>? Expired, IReadOnlyDictionary<Guid, string>? Names = null, IReadOnlyDictionary<Guid, string>? Promised = null);
