using Stillpoint.Catalog;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>
/// What is deleted in storage units: planned by the media server, which sees the unit; looked at and signed here; executed there. A unit that is
/// attached takes no other plan, wherever it comes from. The signature keeps everybody out who has the unit's files and not this server: what a media
/// server that was taken does to its own files it cannot prevent.
/// </summary>
internal sealed class UnitDeletions(CatalogStore catalog, Connections connections, PlanSigner signer, RetentionPromises promises)
{
    /// <summary>Ties a unit to this server.</summary>
    public async Task<StorageUnitRecord> Attach(string name, CancellationToken cancel)
    {
        var (unit, media) = await Find(name);
        await connections.Ask(media, Done(calls => calls.AttachPrimary(name, signer.PublicKey)), cancel);
        return unit;
    }

    /// <summary>Unties it again.</summary>
    public async Task<StorageUnitRecord> Detach(string name, CancellationToken cancel)
    {
        var (unit, media) = await Find(name);
        var head = await connections.Ask(media, (IMediaCalls calls) => calls.ReadHead(name), cancel);
        if (head is not { Length: 64 } || !head.All(char.IsAsciiHexDigit)) throw Odd(media, "its head is none");
        await connections.Ask(media, Done(calls => calls.DetachPrimary(name, signer.Sign(new DetachOrder(unit.UnitId, head)))), cancel);
        return unit;
    }

    /// <summary>Makes a signed plan, and executes it where that was asked. Images that were given up leave the catalog.</summary>
    public async Task<PruneOutcome> Prune(string name, PruneRequest request, CancellationToken cancel)
    {
        request.Policy.Check();
        var (unit, media) = await Find(name);
        var vm = request.Vm is null ? (Guid?)null : await Vm(request.Vm);
        var plan = await connections.Ask(media, (IMediaCalls calls) => calls.PlanPrune(name, request.Policy, vm), cancel);
        Check(unit, media, plan, request.Policy, vm);
        var (names, promised) = await promises.Of(plan, name);
        // A plan is not signed against a promise: signed, it could be executed without this server.
        if (promised.Count == 0 || request.Force) plan = signer.Sign(plan);
        if (request.DryRun) return new PruneOutcome(plan, null, names, promised);
        if (promised.Count > 0 && !request.Force) throw Promised(name, promised);
        var gone = await connections.Ask(media, (IMediaCalls calls) => calls.ExecutePrune(name, plan), cancel);
        var went = plan.Going.Select(i => i.Id).Intersect(gone).ToList();
        await catalog.Images.Remove(went);
        return new PruneOutcome(plan, went, names, promised);
    }

    /// <summary>A signed plan to collect what was given up: for the media server, or for <c>store collect --plan</c>.</summary>
    public async Task<CollectPlan> PlanCollect(string name, CancellationToken cancel)
    {
        var (unit, media) = await Find(name);
        var plan = await connections.Ask(media, (IMediaCalls calls) => calls.PlanCollect(name), cancel);
        return plan.Unit == unit.UnitId && plan.Images is not null ? signer.Sign(plan) : throw Odd(media, "the plan is of another unit");
    }

    /// <summary>Begins a collect.</summary>
    public async Task<CollectState> Collect(string name, CancellationToken cancel)
    {
        var plan = await PlanCollect(name, cancel);
        var (_, media) = await Find(name);
        return await connections.Ask(media, (IMediaCalls calls) => calls.StartCollect(name, plan), cancel);
    }

    /// <summary>How the last collect stands.</summary>
    public async Task<CollectState> State(string name, CancellationToken cancel)
    {
        var (_, media) = await Find(name);
        return await connections.Ask(media, (IMediaCalls calls) => calls.ReadCollect(name), cancel);
    }

    private async Task<(StorageUnitRecord Unit, Connection Media)> Find(string name)
    {
        var unit = await catalog.StorageUnits.Find(name) ?? throw Refusal.NotFound("storage-unit", name);
        return connections.Media(unit.MediaServer) is { } media ? (unit, media) : throw Refusal.Unavailable(
            $"media server {unit.MediaServer}", "It is not connected.", "Look whether its service runs and reaches the primary server.");
    }

    private async Task<Guid> Vm(string text)
    {
        if (Guid.TryParse(text, out var id)) return id;
        var named = (await catalog.Images.VmsNamed(text)).ToList();
        return named.Count switch
        {
            1 => named[0],
            0 => throw Refusal.NotFound("vm", text, listedBy: "image"),
            _ => throw Refusal.Conflict($"vm {text}", $"{named.Count} VMs are named so.", "Give the VM's id: " + string.Join(", ", named)),
        };
    }

    /// <summary>A plan is signed only when it is what was asked for, and leaves an image of each VM.</summary>
    private static void Check(StorageUnitRecord unit, Connection media, PrunePlan plan, RetentionPolicy policy, Guid? vm)
    {
        if (plan.Unit != unit.UnitId || plan.Policy != policy) throw Odd(media, "the plan is not what was asked for");
        if (plan.Flaw() is { } flaw) throw Odd(media, $"the plan is none: {flaw}");
        if (vm is not null && plan.Images.Any(i => i.Vm != vm)) throw Odd(media, "the plan is about other VMs too");
        if (plan.Images.GroupBy(i => i.Vm).Any(images => images.All(i => !i.Stays))) throw Odd(media, "the plan leaves a VM no image");
    }

    private static Refusal Promised(string unit, IReadOnlyDictionary<Guid, string> promised) => Refusal.Conflict(
        $"storage-unit {unit}", $"{promised.Count} images would go that a policy still promises to keep; {promised.Values.First()}. Nothing was given up.",
        "Look with --dry-run; keep more, change the policy's retention, or say --force.");

    private static Func<IMediaCalls, Task<bool>> Done(Func<IMediaCalls, Task> call) => async calls =>
    {
        await call(calls);
        return true;
    };

    private static TroubleException Odd(Connection media, string what) => new(
        $"media server {media.Name}", $"Nothing was signed: {what}.",
        "Bring primary and media server to the same version; where they are, look at the media server.");
}
