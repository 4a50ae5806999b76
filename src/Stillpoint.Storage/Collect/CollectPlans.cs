using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Makes collect plans, and holds a collect to the one that it was given.</summary>
public static class CollectPlans
{
    /// <summary>The plan that takes away all that was given up, for the primary to sign.</summary>
    public static async Task<CollectPlan> MakeAsync(StorageUnit unit, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        return new CollectPlan(unit.Parameters.UnitId, [.. await ExpiredAsync(unit, cancel)]);
    }

    /// <summary>The images that a collect may treat as given up.</summary>
    /// <exception cref="TroubleException">The unit takes signed plans only, and this is none.</exception>
    internal static async Task<IReadOnlySet<Guid>> AllowedAsync(StorageUnit unit, CollectOptions options, CancellationToken cancel)
    {
        var expired = await ExpiredAsync(unit, cancel);
        if (await Attachment.KeyAsync(unit, cancel) is null) return expired;
        if (options.Plan is not { } plan)
        {
            await BreakGlass.RequireAsync(unit, options.Glass, "collect", cancel);
            return expired;
        }
        if (plan.Unit != unit.Parameters.UnitId) throw UnitTrouble.Refused(unit.Name, $"the plan is of storage unit {plan.Unit:D}.", "take the plan of this unit");
        await Attachment.CheckAsync(unit, plan.SignedText(), plan.Signature, cancel);
        return expired.Where(plan.Images.ToHashSet().Contains).ToHashSet();
    }

    private static async Task<IReadOnlySet<Guid>> ExpiredAsync(StorageUnit unit, CancellationToken cancel) =>
        (await unit.Keepings.AllAsync(cancel)).Where(k => k.Value.Expired).Select(k => k.Key).ToHashSet();
}
