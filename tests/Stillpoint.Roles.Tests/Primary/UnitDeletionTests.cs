using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Stillpoint.Catalog;
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
        _media = await _rig.MediaWithUnit();
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
    public async Task What_a_policy_promises_to_keep_goes_by_force_only()
    {
        await _rig.Post<PolicyView>("policies", Policies.Sound("nightly"));
        // 'diff' keeps seven days, 'full' thirty and the newest two.
        await PutAsync(1, "diff", days: 0);
        await PutAsync(2, "diff", days: 6);
        await PutAsync(3, "diff", days: 8);
        await PutAsync(4, "full", days: 90);
        await PutAsync(5, "full", days: 95);
        await PutAsync(6, "full", days: 99);
        await PutAsync(7, "gone", days: 1);
        _media.Plan = (policy, _) => Plan(policy, stays: [1], goes: [2, 3, 4, 5, 6, 7]);
        var asked = await PruneAsync(new PruneRequest(s_last, DryRun: true));
        Assert.Equal([Id(2), Id(4), Id(5)], asked.Promised!.Keys.Order());
        Assert.Equal("web", asked.Names![_vm]);
        // Signed, it could be executed without the primary.
        Assert.Null(asked.Plan.Signature);
        using var refused = await _rig.Admin.PostAsJsonAsync("storage-units/main/prune", new PruneRequest(s_last), Words.Json);
        var problem = await PrimaryRig.Refused(refused, HttpStatusCode.Conflict);
        Assert.Contains("3 images", problem.Detail, StringComparison.Ordinal);
        Assert.Contains("--force", problem.Next, StringComparison.Ordinal);
        Assert.Empty(_media.Pruned);

        var forced = await PruneAsync(new PruneRequest(s_last, Force: true));
        Assert.NotNull(Assert.Single(_media.Pruned).Signature);
        Assert.Equal(6, forced.Plan.Going.Count());
    }

    [Fact]
    public async Task An_image_that_a_rebuild_listed_is_promised_by_the_policy_that_protects_its_vm_now()
    {
        await _rig.Post<PolicyView>("policies", Policies.Sound("nightly"));
        foreach (var number in new[] { 1, 2, 3 }) await PutAsync(number, null, days: 40 * number);
        _media.Plan = (policy, _) => Plan(policy, stays: [1], goes: [2, 3]);
        var asked = await PruneAsync(new PruneRequest(s_last, DryRun: true));
        // 'full' keeps the newest two.
        Assert.Equal([Id(2)], asked.Promised!.Keys);
        Assert.Contains("rebuilt", asked.Promised[Id(2)], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vault")]
    [InlineData("./vault")]
    [InlineData("C:vault")]
    public async Task A_unit_is_not_made_in_a_folder_that_depends_on_where_the_media_server_was_started(string folder)
    {
        using var answer = await _rig.Admin.PostAsJsonAsync("storage-units", new StorageUnitRequest("other", null, folder), Words.Json);
        Assert.Contains("not absolute", (await PrimaryRig.Refused(answer, HttpStatusCode.BadRequest)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_server_on_the_port_says_so_before_it_makes_anything()
    {
        var folder = Path.Combine(_rig.Data, "second");
        var taken = await Assert.ThrowsAsync<TroubleException>(() => Stillpoint.Primary.PrimaryServer.Start(new Stillpoint.Primary.PrimaryOptions
        {
            DataFolder = folder, Listen = $"127.0.0.1:{_rig.Server.Address.Port}", KeyFormat = new Stillpoint.Cli.ChunkKeyFormat(), NewId = _rig.NextId, Time = _rig.Time,
        }));
        Assert.Contains("cannot be listened on", taken.Trouble.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(folder, "catalog.db")));
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

    private Task PutAsync(int number, string? schedule, int days) => _rig.Server.Services.GetRequiredService<CatalogStore>().Images.Put(new ImageRecord
    {
        Id = Id(number), VmId = _vm, Vm = "web", Host = "hv1", StorageUnit = "main", Policy = schedule is null ? null : "nightly", Schedule = schedule, KeyDomain = "hv1", JobId = Id(100 + number),
        Created = _rig.Time.GetUtcNow().AddDays(-days), Type = ImageType.Full, Consistency = Consistency.Application,
    });

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
