using System.Net;
using System.Net.Http.Json;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>What the primary signs of what a media server plans.</summary>
public sealed class UnitDeletionTests : IAsyncLifetime
{
    private static readonly RetentionPolicy s_last = new(Last: 1);
    private readonly Guid _vm = new(1, 1, 1, new byte[8]);
    private PrimaryRig _rig = null!;
    private ScriptedMedia _media = null!;

    public async ValueTask InitializeAsync()
    {
        _rig = await PrimaryRig.Start();
        _media = await _rig.Media("media-1");
        await _rig.Post<StorageUnitView>("storage-units", new StorageUnitRequest("main", null, "/srv/main"));
    }

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task A_plan_that_is_what_was_asked_for_is_signed_and_executed()
    {
        _media.Plan = (policy, _) => Plan(policy, stays: [1, 2], goes: [3]);
        var asked = await PruneAsync(new PruneRequest(s_last, DryRun: true));
        Assert.Null(asked.Expired);
        Assert.Empty(_media.Pruned);
        var done = await PruneAsync(new PruneRequest(s_last, _vm.ToString()));
        Assert.Equal([Id(3)], done.Expired);
        var executed = Assert.Single(_media.Pruned);
        using var signer = PlanSigner.LoadOrCreate(Path.Combine(_rig.Data, "plan.key"));
        // Ed25519 signs one text in one way.
        Assert.Equal(signer.Sign(executed with { Signature = null }).Signature, executed.Signature);
    }

    [Fact]
    public async Task A_plan_that_is_something_else_is_not_signed()
    {
        var sound = Plan(s_last, stays: [1], goes: [2]);
        await RefusedAsync(sound with { Unit = Id(7) }, "not what was asked for");
        await RefusedAsync(sound with { Policy = new RetentionPolicy(Daily: 1) }, "not what was asked for");
        await RefusedAsync(sound with { Head = "head\nimage" }, "names no head");
        await RefusedAsync(Plan(s_last, stays: [], goes: [1, 2]), "leaves a VM no image");
        await RefusedAsync(Plan(s_last, stays: [1, 1], goes: [2]), "twice");
        await RefusedAsync(sound with { Images = [sound.Images[0] with { Stays = false }, sound.Images[1] with { Stays = true }] }, "and goes");
        await RefusedAsync(sound, "other VMs", vm: Id(5).ToString());
        Assert.Empty(_media.Pruned);
    }

    [Fact]
    public async Task Only_an_administrator_and_only_with_a_policy()
    {
        _media.Plan = (policy, _) => Plan(policy, stays: [1], goes: [2]);
        using var operators = await _rig.Person(UserRole.Operator);
        using var refused = await operators.PostAsJsonAsync("storage-units/main/prune", new PruneRequest(s_last), Words.Json);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        await PrimaryRig.Refused(await _rig.Admin.PostAsJsonAsync("storage-units/none/prune", new PruneRequest(s_last), Words.Json), HttpStatusCode.NotFound);
        using var empty = await _rig.Admin.PostAsJsonAsync("storage-units/main/prune", new PruneRequest(new RetentionPolicy()), Words.Json);
        Assert.False(empty.IsSuccessStatusCode);
        Assert.Contains("keeps nothing", await empty.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Empty(_media.Pruned);
    }

    private static Guid Id(int number) => new(number, 2, 2, new byte[8]);

    private Task<PruneOutcome> PruneAsync(PruneRequest request) => _rig.Post<PruneOutcome>("storage-units/main/prune", request);

    private async Task RefusedAsync(PrunePlan plan, string says, string? vm = null)
    {
        _media.Plan = (_, _) => plan;
        using var answer = await _rig.Admin.PostAsJsonAsync("storage-units/main/prune", new PruneRequest(s_last, vm), Words.Json);
        Assert.False(answer.IsSuccessStatusCode);
        Assert.Contains(says, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private PrunePlan Plan(RetentionPolicy policy, int[] stays, int[] goes) => new(
        new Guid(9, 9, 9, new byte[8]), new string('a', 64), _rig.Time.GetUtcNow(), policy,
        [
            .. stays.Select(i => new PlannedImage(Id(i), _vm, _rig.Time.GetUtcNow(), true, true, ["last"])),
            .. goes.Select(i => new PlannedImage(Id(i), _vm, _rig.Time.GetUtcNow(), false, false, ["no rule keeps it"])),
        ]);
}
