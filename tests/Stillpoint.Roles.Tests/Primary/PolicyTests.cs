using System.Net;
using System.Net.Http.Json;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>Policies through the API: kept as they were sent, refused with all findings at once.</summary>
public sealed class PolicyTests : IAsyncLifetime
{
    private PrimaryRig _rig = null!;
    private ScriptedClient _host = null!;

    public async ValueTask InitializeAsync()
    {
        _rig = await PrimaryRig.Start();
        _host = await _rig.Client("hv1");
        await _rig.Media("ms1");
        await _rig.Post<StorageUnitView>("storage-units", new StorageUnitRequest("main", "ms1", "/srv/units/main"));
    }

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task A_policy_comes_back_as_it_was_sent_and_survives_a_restart()
    {
        var policy = Policies.Sound("site.nightly", new VmSelection("hv1", "web"), new VmSelection("hv1", null)) with
        {
            Consistency = ConsistencyPolicy.ApplicationThenCrash,
            GuestBackupType = GuestBackupType.Full,
            RescanDays = 14,
            TrackingAudit = false,
            Schedules = [new Schedule("weekly", ImageType.Full, TimeSpan.FromDays(7), new Retention(60, 4)),
                new Schedule("hand", ImageType.CumulativeIncremental, null, new Retention(1, 0))],
        };
        await _rig.Post<PolicyView>("policies", policy);
        await _rig.RestartServer();
        var kept = await _rig.Get<PolicyView>("policies/site.nightly");
        Assert.Equivalent(policy, kept.Policy, strict: true);
        Assert.Equal([_rig.Time.GetUtcNow().AddDays(7), null], kept.Schedules.Select(s => s.NextRun));

        var edited = policy with { RescanDays = 15 };
        using var put = await _rig.Admin.PutAsJsonAsync("policies/site.nightly", edited, Words.Json);
        Assert.Equivalent(edited, (await PrimaryRig.Read<PolicyView>(put)).Policy, strict: true);
        using var deleted = await _rig.Admin.DeleteAsync("policies/site.nightly");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await PrimaryRig.Refused(await _rig.Admin.GetAsync("policies/site.nightly"), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task All_findings_come_at_once()
    {
        var bad = Policies.Sound("bad name", new VmSelection("nowhere", null)) with
        {
            StorageUnit = "missing",
            RescanDays = 0,
            Schedules = [new Schedule("a", ImageType.Full, TimeSpan.FromSeconds(1), new Retention(0, 0)),
                new Schedule("A", ImageType.Full, null, new Retention(1, 1))],
        };
        var problem = await PrimaryRig.Refused(await _rig.Admin.PostAsJsonAsync("policies", bad, Words.Json), HttpStatusCode.BadRequest);
        foreach (var part in (string[])["name:", "storageUnit:", "rescanDays:", "schedules[0].every", "schedules[0].retention",
            "schedules[1].name", "nowhere"])
            Assert.Contains(problem.Findings!, f => f.Contains(part, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{\"name\":\"x\",\"method\":\"telepathy\"}")]
    [InlineData("{\"name\":\"x\",\"method\":1}")]
    [InlineData("{\"name\":")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"name\":\"x\",\"method\":\"wmi\",\"storageUnit\":\"main\",\"vms\":null,\"schedules\":null}")]
    [InlineData("{\"name\":\"x\",\"method\":\"wmi\",\"storageUnit\":\"main\",\"vms\":[null],\"schedules\":[null]}")]
    public async Task What_is_no_policy_is_refused_in_words(string body)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        var problem = await PrimaryRig.Refused(await _rig.Admin.PostAsync("policies", content), HttpStatusCode.BadRequest);
        Assert.NotEmpty(problem.Detail);
        Assert.NotEmpty(problem.Next);
    }

    [Fact]
    public async Task A_body_past_the_bound_is_refused()
    {
        using var content = new StringContent("{\"name\":\"" + new string('x', 2 << 20) + "\"}", System.Text.Encoding.UTF8, "application/json");
        // The server answers and closes before it read the body: who sends on meanwhile may see a broken pipe and no answer.
        using var patient = _rig.As(_rig.Admin.DefaultRequestHeaders.Authorization!.Parameter, handler =>
        {
            handler.Expect100ContinueTimeout = TimeSpan.FromMinutes(1);
            return handler;
        });
        patient.DefaultRequestHeaders.ExpectContinue = true;
        using var answer = await patient.PostAsync("policies", content);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
    }

    [Fact]
    public async Task Running_what_selects_nothing_says_so()
    {
        await WithGhost(Policies.Sound("p", new VmSelection("hv1", "ghost")));
        var problem = await PrimaryRig.Refused(await _rig.Admin.PostAsJsonAsync("policies/p/runs", new { }), HttpStatusCode.Conflict);
        Assert.Contains("ghost", problem.Detail);
        await PrimaryRig.Refused(await _rig.Admin.PostAsJsonAsync("policies/p/runs", new { schedule = "none" }), HttpStatusCode.NotFound);
        Assert.Empty((await _rig.Get<Page<Job>>("jobs")).Items);
    }

    [Fact]
    public async Task A_VM_that_a_connected_host_does_not_have_is_a_finding_that_lists_what_it_has()
    {
        await _rig.Eventually(() => _rig.Get<HostView>("hosts/hv1"), h => h.VmCount == 2);
        var wrong = Policies.Sound("p", new VmSelection("hv1", "wbe"), new VmSelection("hv1", "db"));
        var problem = await PrimaryRig.Refused(await _rig.Admin.PostAsJsonAsync("policies", wrong, Words.Json), HttpStatusCode.BadRequest);
        Assert.Equal("vms: host hv1 has no VM 'wbe'; it has db, web.", Assert.Single(problem.Findings!));

        // One that was made since the host was last looked at is no stranger; by id it is found too.
        _host.Vms.Add(ScriptedClient.Vm(3, "wbe"));
        await _rig.Post<PolicyView>("policies", wrong);
        var edited = wrong with { Vms = [new VmSelection("hv1", ScriptedClient.VmId(1).ToString()), new VmSelection("hv1", "mail")] };
        problem = await PrimaryRig.Refused(await _rig.Admin.PutAsJsonAsync("policies/p", edited, Words.Json), HttpStatusCode.BadRequest);
        Assert.Contains("'mail'", Assert.Single(problem.Findings!));

        // What a host that is away holds is not known.
        await _host.Disconnect();
        await _rig.Eventually(() => _rig.Get<HostView>("hosts/hv1"), h => !h.Connected);
        using var put = await _rig.Admin.PutAsJsonAsync("policies/p", edited, Words.Json);
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
    }

    /// <summary>Creates a policy that names a VM which goes after that.</summary>
    private async Task WithGhost(Policy policy)
    {
        _host.Vms.Add(ScriptedClient.Vm(9, "ghost"));
        await _rig.Post<PolicyView>("policies", policy);
        _host.Vms.RemoveAll(v => v.Name == "ghost");
        await _rig.Post<HostView>("hosts/hv1/test", null);
    }

    [Fact]
    public async Task Lists_come_in_parts()
    {
        foreach (var name in (string[])["c", "a", "b"]) await _rig.Post<PolicyView>("policies", Policies.Sound(name));
        var first = await _rig.Get<Page<PolicyView>>("policies?limit=2");
        Assert.Equal(["a", "b"], first.Items.Select(p => p.Policy.Name));
        var second = await _rig.Get<Page<PolicyView>>($"policies?limit=2&after={first.Next}");
        Assert.Equal(["c"], second.Items.Select(p => p.Policy.Name));
        Assert.Null(second.Next);
        await PrimaryRig.Refused(await _rig.Admin.GetAsync("jobs?limit=0"), HttpStatusCode.BadRequest);
        await PrimaryRig.Refused(await _rig.Admin.GetAsync("jobs?after=x"), HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_storage_unit_that_its_media_server_cannot_make_is_not_kept()
    {
        var problem = await PrimaryRig.Refused(
            await _rig.Admin.PostAsJsonAsync("storage-units", new StorageUnitRequest("second", "ms1", "/full/disk"), Words.Json),
                HttpStatusCode.Conflict);
        Assert.Contains("full", problem.Detail);
        Assert.Single((await _rig.Get<Page<StorageUnitView>>("storage-units")).Items);
        await PrimaryRig.Refused(
            await _rig.Admin.PostAsJsonAsync("storage-units", new StorageUnitRequest("main", "ms1", "/srv/units/other"), Words.Json),
                HttpStatusCode.Conflict);
        await PrimaryRig.Refused(
            await _rig.Admin.PostAsJsonAsync("storage-units", new StorageUnitRequest("x", "ms1", "/srv/x", ChunkSize: 1000), Words.Json),
                HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_due_schedule_queues_its_jobs_once_whatever_was_missed()
    {
        await WithGhost(Policies.Sound("hourly", new VmSelection("hv1", "web"), new VmSelection("hv1", "ghost")) with
        {
            Schedules = [new Schedule("full", ImageType.Full, TimeSpan.FromDays(1), new Retention(1, 1)),
                new Schedule("inc", ImageType.DifferentialIncremental, TimeSpan.FromHours(1), new Retention(1, 1))],
        });
        _rig.Time.Advance(TimeSpan.FromHours(5.5));
        var jobs = await _rig.Eventually(() => _rig.Get<Page<Job>>("jobs?policy=hourly"), j => j.Items.Count >= 2, TimeSpan.FromSeconds(1));
        Assert.Equal(2, jobs.Items.Count);
        Assert.All(jobs.Items, j => Assert.Equal(("scheduler", "inc"), (j.RequestedBy, j.Schedule)));
        var ghost = Assert.Single(jobs.Items, j => j.VmName == "ghost");
        Assert.Equal((JobState.Done, JobOutcome.Failed, "VM ghost on host hv1"), (ghost.State, ghost.Outcome, ghost.Trouble!.Culprit));
        for (var i = 0; i < 20; i++) _rig.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(2, (await _rig.Get<Page<Job>>("jobs?policy=hourly")).Items.Count);
    }
}
