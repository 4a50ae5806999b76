using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Gives up images by a retention policy: a plan first, then that plan.</summary>
public static class Pruner
{
    /// <summary>Plans; changes nothing.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="policy">What stays of each VM.</param>
    /// <param name="vm">The one VM to look at; null looks at all.</param>
    /// <param name="keys">Keys of the domain whose verify results count; null knows no image to be damaged.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="TroubleException">The policy keeps nothing, or the unit cannot be read whole.</exception>
    public static async Task<PrunePlan> PlanAsync(StorageUnit unit, RetentionPolicy policy, Guid? vm, DomainKeys? keys, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(policy);
        policy.Check();
        var head = await unit.HeadAsync(cancel);
        var images = await Keeper.ListAsync(unit, cancel);
        var doubted = images.Select(i => (i.Image.Header.Id, Doubt: ImageDoubt.Of(i.Image, keys))).Where(i => i.Doubt is not null).ToDictionary(i => i.Id, i => i.Doubt!);
        var proven = await ProvenAsync(unit, cancel);
        var planned = images
            .Where(i => vm is null || i.Image.Header.VmId == vm)
            .GroupBy(i => (i.Image.Header.Domain, i.Image.Header.VmId))
            .OrderBy(g => g.Key)
            .SelectMany(g => RetentionDecision.Decide(g, policy, doubted, proven));
        return new PrunePlan(unit.Parameters.UnitId, head, unit.Environment.Time.GetUtcNow(), policy, [.. planned]);
    }

    /// <summary>
    /// Executes a plan. It refuses when the unit has changed in a way that matters: an image that was to stay is gone, suspect or
    /// damaged by now, so that one which was to go might be needed after all. Images that came since do not matter, and one that was to go and
    /// is gone, held or locked by now is left as it is.
    /// </summary>
    /// <param name="unit">The unit.</param>
    /// <param name="plan">The plan; signed, where the unit is attached to a primary.</param>
    /// <param name="keys">As for the plan.</param>
    /// <param name="glass">Overrides the need of a signature.</param>
    /// <param name="cancel">Gives up; images given up by then stay so, and the same plan may be executed again.</param>
    /// <returns>The images that were given up.</returns>
    /// <exception cref="TroubleException">The plan is another unit's, not signed, outdated, or contradicts itself.</exception>
    public static async Task<IReadOnlyList<Guid>> ExecuteAsync(StorageUnit unit, PrunePlan plan, DomainKeys? keys, BreakGlass? glass, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.Unit != unit.Parameters.UnitId) throw UnitTrouble.Refused(unit.Name, $"the plan is of storage unit {plan.Unit:D}.", "make a plan of this unit");
        if (plan.Flaw() is { } flaw) throw UnitTrouble.Refused(unit.Name, $"the plan is none: {flaw}.", "make a new plan");
        await unit.CheckPresentAsync(cancel);
        if (plan.Signature is null && await Attachment.KeyAsync(unit, cancel) is not null) await BreakGlass.RequireAsync(unit, glass, $"prune by a plan of {plan.Going.Count()} images", cancel);
        else await Attachment.CheckAsync(unit, plan.SignedText(), plan.Signature, cancel);
        var there = (await Keeper.ListAsync(unit, cancel)).ToDictionary(i => i.Image.Header.Id);
        foreach (var counts in plan.Images.Where(i => i.Counts)) CheckCounts(unit, counts, there, keys);
        var gone = new List<Guid>();
        foreach (var goes in plan.Going)
            if (there.TryGetValue(goes.Id, out var image) && await Keeper.TryExpireAsync(unit, image, cancel) is null) gone.Add(goes.Id);
        return gone;
    }

    /// <summary>What a plan names to go and may not, being held or locked, and why.</summary>
    /// <exception cref="TroubleException">The unit cannot be read whole.</exception>
    public static async Task<IReadOnlyDictionary<Guid, string>> RefusedAsync(StorageUnit unit, PrunePlan plan, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(plan);
        var going = plan.Going.Select(i => i.Id).ToHashSet();
        var images = (await Keeper.ListAsync(unit, cancel)).Where(i => going.Contains(i.Image.Header.Id)).ToList();
        if (images.Count == 0) return new Dictionary<Guid, string>();
        var proven = await ProvenAsync(unit, cancel);
        return images.Select(i => (i.Image.Header.Id, Why: Keeper.Obstacle(i, proven))).Where(i => i.Why is not null).ToDictionary(i => i.Id, i => i.Why!);
    }

    private static async Task<DateTimeOffset> ProvenAsync(StorageUnit unit, CancellationToken cancel)
    {
        try
        {
            return await Keeper.ProvenTimeAsync(unit, cancel);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
    }

    private static void CheckCounts(StorageUnit unit, PlannedImage counts, Dictionary<Guid, CommittedImage> there, DomainKeys? keys)
    {
        var why = !there.TryGetValue(counts.Id, out var image) ? "is gone"
            : ImageDoubt.Of(image.Image, keys) switch
            {
                null => null,
                ImageDoubt.Damaged => "was found damaged since",
                var doubt => $"is {doubt} by now",
            };
        if (why is not null)
            throw UnitTrouble.Refused(unit.Name, $"the plan is outdated: image {counts.Id:D}, which it keeps, {why}.", "make a new plan");
    }
}
