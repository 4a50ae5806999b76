using System.Net;
using System.Net.Http.Json;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>The job manager, from the API to a client on the real control connection and back.</summary>
public sealed class JobTests : IAsyncLifetime
{
    private PrimaryRig _rig = null!;
    private ScriptedClient _host = null!;
    private ScriptedMedia _media = null!;

    public async ValueTask InitializeAsync()
    {
        _rig = await PrimaryRig.Start();
        _host = await _rig.Client("hv1");
        _media = await _rig.Media("ms1");
        await _rig.Post<StorageUnitView>("storage-units", new StorageUnitRequest("main", null, "/srv/units/main"));
        await _rig.Eventually(() => _rig.Get<HostView>("hosts/hv1"), h => h.VmCount == 2);
        await _rig.Post<PolicyView>("policies", Policies.Sound("nightly", new VmSelection("hv1", null)));
    }

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task A_run_ends_as_its_client_reports_and_its_image_is_listed()
    {
        var job = await Run("web");
        var order = await _host.NextBackup();
        Assert.Equal((job.Id, ScriptedClient.VmId(1), "web", "nightly", ImageType.Full),
            (order.JobId, order.VmId, order.VmName, order.Policy, order.Type));
        Assert.Equal(("127.0.0.1:7844", "main", 32), (order.Data.MediaAddress, order.Data.StorageUnit, order.Data.DomainKey.Length));
        CheckGrant(order);

        await _host.Primary.ReportPhase(job.Id, new PhaseRecord(Phase.Transfer, _rig.Time.GetUtcNow(), null, PhaseOutcome.Running, "reading"));
        await _host.Primary.ReportProgress(job.Id, new JobProgress(Phase.Transfer, 10, 100, 5, 18));
        await _host.Primary.ReportLog(job.Id, "first\nline");
        var active = await _rig.Eventually(
            () => _rig.Get<JobView>($"jobs/{job.Id}"),
                v => v is { Job.TakenOver: true, Progress: not null } && v.Phases.Any(p => p is { Phase: Phase.Start, Ended: not null }));
        Assert.Equal(10, active.Progress?.BytesDone);
        Assert.Contains(active.Phases, p => p is { Phase: Phase.Start, Outcome: PhaseOutcome.Ok, Detail: "handed to the client on hv1" });

        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Partial, _rig.Time.GetUtcNow()));
        var done = await _rig.Get<JobView>($"jobs/{job.Id}");
        Assert.Equal((JobState.Done, JobOutcome.Partial, order.ImageId), (done.Job.State, done.Job.Outcome, done.Job.ImageId));
        Assert.Equal(["a merge did not finish"], done.Job.Warnings);
        Assert.Equal("handed to the client on hv1", Assert.Single(done.Phases, p => p.Phase == Phase.Start).Detail);
        Assert.Equal("first line", Assert.Single((await _rig.Get<Page<JobLogLine>>($"jobs/{job.Id}/log")).Items).Line);
        var image = Assert.Single((await _rig.Get<Page<ImageRecord>>("images?vm=web")).Items);
        Assert.Equal((order.ImageId, "hv1", "main", "nightly", "hv1"), (image.Id, image.Host, image.StorageUnit, image.Policy, image.KeyDomain));
        Assert.Equal(65536, Assert.Single(image.Disks).BytesSent);
        Assert.Equal(image.Id, (await _rig.Get<ImageRecord>($"images/{image.Id.ToString()[..8]}")).Id);
    }

    [Fact]
    public async Task An_outcome_that_comes_twice_counts_once()
    {
        var job = await Run("web");
        var order = await _host.NextBackup();
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Ok, _rig.Time.GetUtcNow()));
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Failed, _rig.Time.GetUtcNow()));
        Assert.Equal(JobOutcome.Ok, (await _rig.Get<JobView>($"jobs/{job.Id}")).Job.Outcome);
        Assert.Single((await _rig.Get<Page<ImageRecord>>("images")).Items);
    }

    [Fact]
    public async Task A_client_cannot_speak_for_another_ones_job_nor_report_an_image_that_was_not_granted()
    {
        var other = await _rig.Client("hv2");
        var job = await Run("web");
        var order = await _host.NextBackup();
        var report = ScriptedClient.Report(order, JobOutcome.Ok, _rig.Time.GetUtcNow());
        await Assert.ThrowsAsync<TroubleException>(() => other.Primary.ReportOutcome(report));
        await Assert.ThrowsAsync<TroubleException>(() => _host.Primary.ReportOutcome(report with { Image = report.Image! with { Id = Guid.Empty } }));
        await Assert.ThrowsAsync<TroubleException>(() => _host.Primary.ReportOutcome(
            report with { Image = report.Image! with { VmId = ScriptedClient.VmId(2) } }));
        Assert.Equal(JobState.Active, (await _rig.Get<JobView>($"jobs/{job.Id}")).Job.State);
        Assert.Empty((await _rig.Get<Page<ImageRecord>>("images")).Items);
    }

    [Fact]
    public async Task A_second_job_of_a_VM_waits_and_says_for_what()
    {
        await Run("web");
        var order = await _host.NextBackup();
        var second = await Run("web");
        var waiting = await _rig.Job(second.Id, j => j.State == JobState.Waiting);
        Assert.Contains("another job on web", waiting.Job.WaitsFor);
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Ok, _rig.Time.GetUtcNow()));
        Assert.Equal(second.Id, (await _host.NextBackup()).JobId);
    }

    [Fact]
    public async Task A_host_runs_two_jobs_at_a_time()
    {
        _host.Vms.Add(ScriptedClient.Vm(3, "mail"));
        await _rig.Post<HostView>("hosts/hv1/test", null);
        var jobs = (await _rig.Post<Page<Job>>("policies/nightly/runs", new { })).Items;
        Assert.Equal(3, jobs.Count);
        var first = await _host.NextBackup();
        await _host.NextBackup();
        var last = await _rig.Job(jobs[2].Id, j => j.State == JobState.Waiting);
        Assert.Contains("one of the 2 jobs that host hv1 may run", last.Job.WaitsFor);
        await _host.Primary.ReportOutcome(ScriptedClient.Report(first, JobOutcome.Ok, _rig.Time.GetUtcNow()));
        Assert.Equal(jobs[2].Id, (await _host.NextBackup()).JobId);
    }

    [Fact]
    public async Task A_job_waits_for_its_media_server_and_for_its_host()
    {
        await _media.Disconnect();
        await _host.Disconnect();
        var job = await Run("web");
        Assert.Contains("host hv1 to connect", (await _rig.Job(job.Id, j => j.State == JobState.Waiting, TimeSpan.FromSeconds(1))).Job.WaitsFor);
        await _host.Connect();
        Assert.Contains("media server ms1", (await _rig.Job(job.Id, j => j.WaitsFor!.Contains("media", StringComparison.Ordinal))).Job.WaitsFor);
        await _media.Connect();
        Assert.Equal(job.Id, (await _host.NextBackup()).JobId);
    }

    [Fact]
    public async Task A_client_that_was_restarted_loses_its_job_and_the_job_can_be_tried_again()
    {
        var job = await Run("web");
        await _host.NextBackup();
        await _rig.Job(job.Id, j => j.TakenOver);
        await _host.Disconnect();
        await _host.Connect();
        var failed = await _rig.Job(job.Id, j => j.State == JobState.Done, TimeSpan.FromSeconds(1));
        Assert.Equal((JobOutcome.Failed, "host hv1", true), (failed.Job.Outcome, failed.Job.Trouble?.Culprit, failed.Job.Trouble?.Retry));
        Assert.Null(failed.Job.ImageId);
        Assert.All((await _rig.Get<Page<Job>>("jobs")).Items, j => Assert.Null(j.ImageId));
        var again = await _rig.Post<Job>($"jobs/{job.Id}/retry", null);
        Assert.Equal(job.Id, again.RetryOf);
        Assert.Equal(again.Id, (await _host.NextBackup()).JobId);
    }

    [Fact]
    public async Task A_client_that_lost_only_its_connection_keeps_its_job()
    {
        var job = await Run("web");
        var order = await _host.NextBackup();
        await _rig.Job(job.Id, j => j.TakenOver);
        await _host.Disconnect();
        _host.ActiveJobs.Add(job.Id);
        await _host.Connect();
        _rig.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(JobState.Active, (await _rig.Get<JobView>($"jobs/{job.Id}")).Job.State);
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Ok, _rig.Time.GetUtcNow()));
        Assert.Equal(JobOutcome.Ok, (await _rig.Get<JobView>($"jobs/{job.Id}")).Job.Outcome);
    }

    [Fact]
    public async Task A_job_whose_client_is_silent_fails_and_goes_on_when_the_client_comes_back_with_it()
    {
        var job = await Run("web");
        var order = await _host.NextBackup();
        await _rig.Job(job.Id, j => j.TakenOver);
        await _host.Disconnect();
        var lost = await _rig.Job(job.Id, j => j.State == JobState.Done, TimeSpan.FromSeconds(5));
        Assert.True(lost.Job.Lost);
        Assert.Contains("not heard of", lost.Job.Trouble?.Message);
        Assert.Contains("run it again: the next run clears what was left on the host", lost.Job.Trouble?.NextStep);
        Assert.Null(lost.Job.ImageId);
        _host.ActiveJobs.Add(job.Id);
        await _host.Connect();
        await _rig.Job(job.Id, j => j is { State: JobState.Active, Trouble: null, Outcome: null });
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Ok, _rig.Time.GetUtcNow()));
        Assert.Equal((JobState.Done, JobOutcome.Ok, false), (await _rig.Get<JobView>($"jobs/{job.Id}"))
            .Job switch { var j => (j.State, j.Outcome, j.Lost) });
    }

    [Fact]
    public async Task A_primary_that_was_restarted_hands_out_what_was_queued_and_keeps_what_runs()
    {
        var running = await Run("web");
        var order = await _host.NextBackup();
        await _rig.Job(running.Id, j => j.TakenOver);
        var queued = await Run("web");
        await _rig.Job(queued.Id, j => j.State == JobState.Waiting);
        _host.ActiveJobs.Add(running.Id);
        await _rig.RestartServer();
        // Sent while the server is away: it arrives on the next connection.
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Ok, _rig.Time.GetUtcNow())).WaitAsync(TimeSpan.FromSeconds(30));
        await _rig.Job(running.Id, j => j is { State: JobState.Done, Outcome: JobOutcome.Ok });
        var next = await _host.NextBackup();
        Assert.Equal(queued.Id, next.JobId);
        Assert.NotEqual(order.ImageId, next.ImageId);
    }

    [Fact]
    public async Task A_job_that_its_client_refuses_fails_with_the_clients_words()
    {
        _host.Refuse = new TroubleException("VM web", "Its disks are gone.", "Look at the host.");
        var job = await Run("web");
        var failed = await _rig.Job(job.Id, j => j.State == JobState.Done);
        Assert.Equal(new Trouble(Phase.Start, "VM web", "Its disks are gone.", "Look at the host."), failed.Job.Trouble);
        Assert.Null(failed.Job.ImageId);
    }

    [Fact]
    public async Task Cancel_ends_a_waiting_job_at_once_and_asks_the_client_of_an_active_one()
    {
        var active = await Run("web");
        var order = await _host.NextBackup();
        await _rig.Job(active.Id, j => j.TakenOver);
        var waiting = await Run("web");
        Assert.Equal(JobOutcome.Cancelled, (await _rig.Post<Job>($"jobs/{waiting.Id}/cancel", null)).Outcome);
        Assert.True((await _rig.Post<Job>($"jobs/{active.Id}/cancel", null)).CancelRequested);
        Assert.Equal(active.Id, await _host.NextCancel());
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Cancelled, _rig.Time.GetUtcNow()) with { Image = null });
        Assert.Equal(JobOutcome.Cancelled, (await _rig.Get<JobView>($"jobs/{active.Id}")).Job.Outcome);
        Assert.True(_host.IsIdle);
    }

    [Fact]
    public async Task Open_intents_go_along_with_the_next_order_of_their_VM()
    {
        var first = await Run("web");
        var order = await _host.NextBackup();
        Intent Of(Guid id, int vm) => new(id, first.Id, ScriptedClient.VmId(vm), HostCall.CreateSnapshot, ["a", "b"], null, _rig.Time.GetUtcNow());
        Intent kept = Of(_rig.NextId(), 1), ended = Of(_rig.NextId(), 1);
        foreach (var intent in (Intent[])[kept, ended, Of(_rig.NextId(), 2)]) await _host.Primary.RecordIntent(intent);
        await _host.Primary.RecordIntent(kept with { ResultId = "snapshot-1" });
        await _host.Primary.EndIntent(ended.Id);
        await _host.Primary.EndIntent(ended.Id);
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Failed, _rig.Time.GetUtcNow(),
            new Trouble(Phase.Checkpoint, "VM web", "No.", "Look.")));
        await Run("web");
        var open = Assert.Single((await _host.NextBackup()).OpenIntents);
        Assert.Equal((kept.Id, "snapshot-1", 2), (open.Id, open.ResultId, open.IdsBefore.Count));
    }

    [Fact]
    public async Task Restores_carry_a_grant_to_read_the_image()
    {
        await Run("web");
        var order = await _host.NextBackup();
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Ok, _rig.Time.GetUtcNow()));
        var vm = await _rig.Post<Job>("restores/vm", new { image = order.ImageId, host = "hv1", name = "web-back", start = true });
        await _rig.Post<Job>("restores/disk", new { image = order.ImageId, host = "hv1", disk = "0", file = @"C:\out\web.vhdx" });
        await _rig.Eventually(() => Task.FromResult(_host.DiskRestores.Count + _host.VmRestores.Count), count => count == 2);
        var (vmOrder, diskOrder) = (Assert.Single(_host.VmRestores), Assert.Single(_host.DiskRestores));
        Assert.Equal((vm.Id, order.ImageId, "web-back", true), (vmOrder.JobId, vmOrder.ImageId, vmOrder.NewName, vmOrder.Start));
        Assert.Equal(order.Data.DomainKey, diskOrder.Data.DomainKey);
        using var wrong = await _rig.Admin.PostAsJsonAsync("restores/disk",
            new { image = order.ImageId, host = "hv1", disk = "7", file = @"C:\out\x" });
        Assert.Contains("web.vhdx", (await PrimaryRig.Refused(wrong, HttpStatusCode.BadRequest)).Detail);
    }

    [Fact]
    public async Task A_VM_that_was_restored_is_listed_without_anybody_asking_its_host()
    {
        await Run("web");
        var order = await _host.NextBackup();
        await _host.Primary.ReportOutcome(ScriptedClient.Report(order, JobOutcome.Ok, _rig.Time.GetUtcNow()));
        var job = await _rig.Post<Job>("restores/vm", new { image = order.ImageId, host = "hv1", name = "web-back", start = true });
        await _rig.Job(job.Id, j => j.TakenOver);
        _host.Vms.Add(ScriptedClient.Vm(3, "web-back"));
        await _host.Primary.ReportOutcome(new JobReport(job.Id, JobOutcome.Ok, [], null, ScriptedClient.VmId(3), [], [], null));
        await _rig.Eventually(() => _rig.Get<Page<VmView>>("vms"), v => v.Items.Any(i => i.Vm.Name == "web-back"));
    }

    [Fact]
    public async Task A_host_was_last_seen_now_while_it_is_connected()
    {
        var joined = (await _rig.Get<HostView>("hosts/hv1")).LastSeen;
        _rig.Time.Advance(TimeSpan.FromMinutes(7));
        Assert.Equal(_rig.Time.GetUtcNow(), (await _rig.Get<HostView>("hosts/hv1")).LastSeen);
        Assert.Equal(joined!.Value.AddMinutes(7), Assert.Single((await _rig.Get<Page<HostView>>("hosts")).Items).LastSeen);
        await _host.Disconnect();
        var away = await _rig.Eventually(
            () => _rig.Get<HostView>("hosts/hv1"), h => !h.Connected && h.LastSeen == _rig.Time.GetUtcNow());
        _rig.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(away.LastSeen, (await _rig.Get<HostView>("hosts/hv1")).LastSeen);
    }

    [Fact]
    public async Task An_image_that_was_committed_and_never_reported_is_found_in_the_unit()
    {
        var job = await Run("web");
        var order = await _host.NextBackup();
        var committed = ScriptedClient.Report(order, JobOutcome.Ok, _rig.Time.GetUtcNow()).Image! with { Vm = null };
        _media.Stored.AddRange([committed, committed with { Id = _rig.NextId(), JobId = _rig.NextId() },
            committed with { Id = _rig.NextId(), VmId = ScriptedClient.VmId(2) }]);
        await _rig.Job(job.Id, j => j.TakenOver);
        await _host.Disconnect();
        await _host.Connect();
        await _rig.Job(job.Id, j => j.State == JobState.Done, TimeSpan.FromSeconds(1));
        var found = Assert.Single((await _rig.Eventually(() => _rig.Get<Page<ImageRecord>>("images"), i => i.Items.Count > 0)).Items);
        Assert.Equal((order.ImageId, "web", "hv1", "nightly"), (found.Id, found.Vm, found.Host, found.Policy));
        Assert.Equal(order.ImageId, (await _rig.Get<JobView>($"jobs/{job.Id}")).Job.ImageId);
    }

    [Fact]
    public async Task A_watcher_hears_of_a_change_and_of_nothing_else()
    {
        var job = await Run("web");
        await _host.NextBackup();
        var seen = await _rig.Job(job.Id, j => j.TakenOver);
        seen = await _rig.Eventually(() => _rig.Get<JobView>($"jobs/{job.Id}"), v => v.Phases.Any(p => p.Ended is not null));
        var waiting = _rig.Get<JobView>($"jobs/{job.Id}?after={seen.Revision}&wait=60");
        await Task.Delay(100);
        Assert.False(waiting.IsCompleted);
        await _host.Primary.ReportProgress(job.Id, new JobProgress(Phase.Transfer, 1, 2, 3, null));
        Assert.Equal(1, (await waiting.WaitAsync(TimeSpan.FromSeconds(30))).Progress?.BytesDone);
    }

    private async Task<Job> Run(string vm) =>
        Assert.Single((await _rig.Post<Page<Job>>("policies/nightly/runs", new { schedule = "full", vm })).Items);

    private void CheckGrant(BackupOrder order)
    {
        var grant = new GrantVerifier(_media.Welcome!.GrantKey, _rig.Time).Verify(order.Data.Grant, "hv1");
        Assert.Equal((GrantKind.Backup, order.JobId, order.VmId, order.ImageId, "main"),
            (grant.Kind, grant.JobId, grant.VmId, grant.ImageId, grant.StorageUnit));
    }
}
