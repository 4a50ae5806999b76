using Stillpoint.Model;
using static Stillpoint.HyperV.Tests.Messages;

namespace Stillpoint.HyperV.Tests;

public sealed class JobTests
{
    private static readonly Guid Vm = new("A1B2C3D4-0000-4000-8000-000000000001");
    private static readonly string Started = Output("Msvm_VirtualSystemSnapshotService", "DestroySnapshot",
        ("Job", Reference("Msvm_ConcreteJob", ("InstanceID", "J1"))), ("ReturnValue", "4096"));

    [Theory]
    [InlineData("7")]
    [InlineData("32768")]
    public async Task A_job_is_asked_at_rising_intervals_until_it_has_completed(string end)
    {
        var polls = 0;
        await using var opened = new Opened(request => request.Verb switch
        {
            "DestroySnapshot" => Started,
            "Get" => Job(polls++ switch { 0 => "2", 1 => "3", < 12 => "4", _ => end }),
            _ => Fault("x", ""),
        });

        await opened.Host.DestroyCheckpointAsync("Microsoft:C1", default);

        Assert.Equal(13, polls);
        Assert.Equal(TimeSpan.FromMilliseconds(50), opened.Time.Delays[0]);
        Assert.Equal(opened.Time.Delays.Order(), opened.Time.Delays);
        Assert.Equal(TimeSpan.FromSeconds(2), opened.Time.Delays[^1]);
        Assert.Equal("J1", opened.Server.Requests[^1].Text("Selector"));
    }

    [Fact]
    public async Task A_job_of_another_class_is_asked_by_its_own_class()
    {
        await using var opened = new Opened(
            Started.Replace("/Msvm_ConcreteJob<", "/Msvm_MigrationJob<", StringComparison.Ordinal), Job("7"));
        await opened.Host.DestroyCheckpointAsync("Microsoft:C1", default);
        Assert.Equal(V2 + "Msvm_MigrationJob", opened.Server.Requests[1].Text("ResourceURI"));
    }

    [Theory]
    [InlineData("Das Dienstkonto hat das Recht nicht (0x8007052F).", "Log on as a service", false)]
    [InlineData("Die Datei wird verwendet. (0x80070020)", "another backup product", true)]
    [InlineData("Nicht genug Speicherplatz (0x80070070)", "Free space", false)]
    [InlineData("Zugriff verweigert (0x80070005)", "LocalAccountTokenFilterPolicy", false)]
    [InlineData("Der Gast antwortet nicht", "event log", false)]
    public async Task A_failed_job_tells_the_hosts_words_and_the_next_step(string words, string nextStep, bool retry)
    {
        var error = $"<INSTANCE CLASSNAME=\"Msvm_Error\"><PROPERTY NAME=\"Message\" TYPE=\"string\"><VALUE>{words}</VALUE></PROPERTY>"
            + "<PROPERTY NAME=\"ErrorSource\" TYPE=\"string\"></PROPERTY></INSTANCE>";
        await using var opened = new Opened(Started, Job("10", ("ErrorCode", "32768"), ("ErrorDescription", "kurz")),
            Output("Msvm_ConcreteJob", "GetErrorEx", ("Errors", new[] { error, error }), ("ReturnValue", "0")));
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.DestroyCheckpointAsync("Microsoft:C1", default))).Trouble;
        Assert.Contains(words, trouble.Message, StringComparison.Ordinal);
        Assert.Contains(nextStep, trouble.NextStep, StringComparison.Ordinal);
        Assert.Equal(retry, trouble.Retry);
    }

    [Fact]
    public async Task Where_the_errors_cannot_be_had_the_jobs_description_stands()
    {
        await using var opened = new Opened(Started, Job("10", ("ErrorCode", "32773"), ("ErrorDescription", "kurz")), Fault("w:InternalError", ""));
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.DestroyCheckpointAsync("Microsoft:C1", default))).Trouble;
        Assert.Contains("kurz", trouble.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5", "invalid state for this operation (5)", true)]
    [InlineData("32775", "invalid state for this operation (32775)", true)]
    [InlineData("32769", "access denied (32769)", false)]
    [InlineData("2", "failed (2)", false)]
    [InlineData("77", "an error (77)", false)]
    public async Task A_return_value_is_told_in_words(string code, string words, bool retry)
    {
        await using var opened = new Opened(Output("Msvm_VirtualSystemSnapshotService", "DestroySnapshot", ("Job", null), ("ReturnValue", code)));
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.DestroyCheckpointAsync("Microsoft:C1", default))).Trouble;
        Assert.Contains(words, trouble.Message, StringComparison.Ordinal);
        Assert.Equal(retry, trouble.Retry);
    }

    [Fact]
    public async Task A_job_that_the_host_forgot_is_an_error()
    {
        await using var opened = new Opened(Started, Fault("a:DestinationUnreachable", WmiError(0x80041002, "Not found")));
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.DestroyCheckpointAsync("Microsoft:C1", default))).Trouble;
        Assert.Contains("no longer knows the job", trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_is_away_for_a_moment_does_not_end_the_wait()
    {
        var polls = 0;
        await using var opened = new Opened(request => request.Verb == "DestroySnapshot" ? Started
            : ++polls <= 8 ? new Reply([]) { Status = 503, ContentType = "text/plain" } : Job("7"));
        await opened.Host.DestroyCheckpointAsync("Microsoft:C1", default);
        Assert.Equal(9, polls);
    }

    [Fact]
    public async Task A_job_that_never_ends_is_given_up_after_an_hour()
    {
        Opened? host = null;
        await using var opened = host = new Opened(request =>
        {
            if (request.Verb == "DestroySnapshot") return Started;
            host!.Time.Advance(TimeSpan.FromMinutes(5));
            return Job("4");
        });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.DestroyCheckpointAsync("Microsoft:C1", default))).Trouble;
        Assert.Contains("goes on on the host", trouble.Message, StringComparison.Ordinal);
        Assert.Equal(1 + 12, opened.Server.Requests.Count);
    }

    [Fact]
    public async Task What_a_checkpoint_job_made_is_found_by_effect_five_of_that_job_alone()
    {
        static string Row(string job, string effect, string className, string id) => Instance("Msvm_AffectedJobElement",
            ("AffectedElement", Reference(className, ("InstanceID", id))), ("AffectingElement", Reference("Msvm_ConcreteJob", ("InstanceID", job))),
            ("ElementEffects", effect));
        var rows = 0;
        await using var opened = new Opened(request => request.Verb switch
        {
            "CreateSnapshot" => Output("Msvm_VirtualSystemSnapshotService", "CreateSnapshot",
                ("ResultingSnapshot", null), ("Job", Reference("Msvm_ConcreteJob", ("InstanceID", "J1"))), ("ReturnValue", "4096")),
            "Get" when request.Text("ResourceURI").EndsWith("Job", StringComparison.Ordinal) => Job("7"),
            "Get" => Envelope(Instance("Msvm_VirtualSystemSettingData", ("InstanceID", request.Text("Selector")), ("ElementName", "c"),
                ("VirtualSystemType", "Microsoft:Hyper-V:Snapshot:Recovery"), ("CreationTime", "<cim:Datetime>2026-01-02T03:04:05Z</cim:Datetime>"),
                ("ConfigurationDataRoot", "C:\\VMs\\"), ("ConfigurationFile", "Snapshots\\x.vmcx"))),
            "Enumerate" when request.Body.Value.Contains("ASSOCIATORS", StringComparison.Ordinal) => All(),
            "Enumerate" => rows++ == 0
                ? All(Row("J2", "5", "Msvm_VirtualSystemSettingData", "Microsoft:WRONG"))
                : All(Row("J2", "5", "Msvm_VirtualSystemSettingData", "Microsoft:WRONG"), Row("J1", "0", "Msvm_ComputerSystem", "x"),
                    Row("J1", "0", "Msvm_VirtualSystemSettingData", "Microsoft:WRONG"),
                    Row("j1", "5", "Msvm_VirtualSystemSettingData", "Microsoft:C9")),
            _ => Fault("x", ""),
        });

        var checkpoint = await opened.Host.CreateRecoveryCheckpointAsync(Vm, true, GuestBackupType.HostDefault, default);

        var created = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        Assert.Equal(("Microsoft:C9", "c", CheckpointKind.Recovery), (checkpoint.Id, checkpoint.Name, checkpoint.Kind));
        Assert.Equal((created, @"C:\VMs\Snapshots\x.vmcx"), (checkpoint.Created, checkpoint.ConfigurationPath));
        Assert.DoesNotContain("GuestBackupType", opened.Server.Requests[0].Body.Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_result_that_came_at_once_is_taken()
    {
        await using var opened = new Opened(request => request.Verb switch
        {
            "ConvertToReferencePoint" => Output("Msvm_VirtualSystemSnapshotService", "ConvertToReferencePoint",
                ("ResultingReferencePoint", Reference("Msvm_VirtualSystemReferencePoint", ("InstanceID", "Microsoft:RP\\1"))), ("ReturnValue", "0")),
            "Get" => Envelope(Instance("Msvm_VirtualSystemReferencePoint", ("InstanceID", request.Text("Selector")),
                ("VirtualDiskIdentifiers", new[] { "Microsoft:A1B2C3D4-0000-4000-8000-000000000001\\ctl\\0\\0\\L", "Microsoft:x\\ctl\\0\\1\\L" }),
                ("ResilientChangeTrackingIdentifiers", new[] { "rctX:1", "" }))),
            _ => Fault("x", ""),
        });
        var point = await opened.Host.ConvertToReferencePointAsync("Microsoft:C1", default);
        Assert.Equal("Microsoft:RP\\1", point.Id);
        Assert.Equal([new("ctl\\0\\0\\L", "rctX:1"), new ReferencePointDisk("ctl\\0\\1\\L", null)], point.Disks);
    }

    [Fact]
    public void Disks_and_tracking_ids_that_do_not_run_in_parallel_are_not_paired()
    {
        var row = new CimInstance("x", new Dictionary<string, IReadOnlyList<CimValue>>(StringComparer.OrdinalIgnoreCase)
        {
            ["InstanceID"] = [new("rp")],
            ["VirtualDiskIdentifiers"] = [new("Microsoft:a\\1"), new("Microsoft:b\\2")],
            ["ResilientChangeTrackingIdentifiers"] = [new("rct")],
        });
        Assert.All(SettingsReader.ReferencePoint(row).Disks, d => Assert.Null(d.TrackingId));
    }
}
