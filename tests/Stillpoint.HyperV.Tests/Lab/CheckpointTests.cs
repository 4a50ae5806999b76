using System.Net;
using System.Text.Json.Nodes;
using Stillpoint.VirtualDisks;
using static Stillpoint.HyperV.Tests.Lab.LabRig;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>Chains, reverts, tracking, faults, restarts: what the files are after it, held against the record.</summary>
public sealed class CheckpointTests : IAsyncLifetime
{
    private const string Snapshots = "Msvm_VirtualSystemSnapshotService";
    private const string Folder = @"C:\VMs\small\Virtual Hard Disks";
    private readonly LabRig _rig = new();

    public ValueTask InitializeAsync() => _rig.InitializeAsync();

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task A_chain_of_user_and_recovery_checkpoints_reads_as_recorded_and_merges_back_to_one_file()
    {
        var ids = new List<Guid>();
        for (var i = 0; i < 4; i++)
        {
            await WriteAsync(300_000 + i);
            ids.Add(i % 2 == 0 ? await UserAsync() : await RecoveryAsync());
        }
        Assert.Equal(4, Directory.GetFiles(_rig.Local(Folder), "*.avhdx").Length);
        foreach (var id in ids) Assert.True((bool)(await CompareAsync(id))["identical"]!);

        // The recovery checkpoints go first: what lies below a user checkpoint stays as it was recorded.
        await DestroyAsync(ids[1]);
        await DestroyAsync(ids[3]);
        Assert.Equal(2, Directory.GetFiles(_rig.Local(Folder), "*.avhdx").Length);
        Assert.True((bool)(await CompareAsync(ids[0]))["identical"]!);
        Assert.True((bool)(await CompareAsync(ids[2]))["identical"]!);
        await WriteAsync(100_000);
        await DestroyAsync(ids[2]);
        Assert.True((bool)(await CompareAsync(ids[0]))["identical"]!);
        await DestroyAsync(ids[0]);
        Assert.Empty(Directory.GetFiles(_rig.Local(Folder), "*.avhdx"));
        Assert.True((bool)(await CompareAsync(await RecoveryAsync()))["identical"]!);
    }

    [Fact]
    public async Task A_revert_brings_the_disk_and_the_record_back()
    {
        await WriteAsync(200_000);
        var user = await UserAsync();
        await WriteAsync(400_000);
        var recovery = await RecoveryAsync();
        await DestroyAsync(recovery);
        await _rig.ControlAsync("/lab/revert", new { vm = "small" });
        var applied = await _rig.QueryAsync("SELECT * FROM Msvm_LastAppliedSnapshot");
        Assert.Contains(user.ToString().ToUpperInvariant(), Element(applied.Single(), "Antecedent").Value, StringComparison.Ordinal);
        var again = await RecoveryAsync();
        var now = (await _rig.ControlAsync("/lab/records")).AsArray();
        Assert.Equal((string)Record(now, user)["sha256"]!, (string)Record(now, again)["sha256"]!);
        Assert.True((bool)(await CompareAsync(again))["identical"]!);
    }

    [Fact]
    public async Task A_branch_that_a_revert_left_behind_is_merged_within_itself()
    {
        var ids = new List<Guid>();
        for (var i = 0; i < 3; i++)
        {
            await WriteAsync(200_000);
            ids.Add(await UserAsync());
        }
        await _rig.ControlAsync("/lab/revert", new { vm = "small", checkpointId = ids[0] });
        await _rig.MergedAsync();
        await DestroyAsync(ids[1]);
        Assert.Equal(2, Directory.GetFiles(_rig.Local(Folder), "*.avhdx").Length);
        foreach (var id in new[] { ids[0], ids[2] }) Assert.True((bool)(await CompareAsync(id))["identical"]!);
    }

    [Fact]
    public async Task A_restart_keeps_checkpoints_reference_points_tracking_and_the_record()
    {
        await WriteAsync(200_000);
        var first = await RecoveryAsync();
        await _rig.FinishAsync(await _rig.InvokeAsync(Snapshots, "ConvertToReferencePoint", ("AffectedSnapshot", Settings(first))));
        await _rig.StopAsync();
        await _rig.StartAsync();
        var point = (await _rig.QueryAsync("SELECT * FROM Msvm_VirtualSystemReferencePoint")).Single();
        var vm = await _rig.MergedAsync();
        Assert.EndsWith(@"\small.vhdx", (string)vm["disks"]![0]!["path"]!, StringComparison.Ordinal);
        Assert.True(File.Exists(_rig.Local(Folder + @"\small.vhdx.lock")));
        var written = await WriteAsync(200_000);
        var second = await RecoveryAsync();
        Assert.Equal(written, (long)Record((await _rig.ControlAsync("/lab/records")).AsArray(), second)["bytesChanged"]!);
        var answer = await ChangesAsync(Value(point, "ResilientChangeTrackingIdentifiers"));
        Assert.Equal("0", Value(answer, "ReturnValue"));
        Assert.True((bool)(await CompareAsync(second))["identical"]!);
    }

    [Fact]
    public async Task An_id_of_a_destroyed_reference_point_and_a_live_leaf_are_errors_of_virtdisk()
    {
        var first = await RecoveryAsync();
        var point = await _rig.CreatedAsync(await _rig.FinishAsync(
            await _rig.InvokeAsync(Snapshots, "ConvertToReferencePoint", ("AffectedSnapshot", Settings(first)))));
        var id = Value((await _rig.QueryAsync("SELECT * FROM Msvm_VirtualSystemReferencePoint")).Single(), "ResilientChangeTrackingIdentifiers");
        await _rig.MergedAsync();
        Assert.Contains("0x80070020", Value(await _rig.FinishAsync(await ChangesAsync(id)), "ErrorDescription"), StringComparison.Ordinal);
        await _rig.FinishAsync(await _rig.InvokeAsync("Msvm_VirtualSystemReferencePointService", "DestroyReferencePoint",
            ("AffectedReferencePoint", Reference("Msvm_VirtualSystemReferencePoint", ("InstanceID", point)))));
        await RecoveryAsync();
        Assert.Contains("0xC03A0029", Value(await _rig.FinishAsync(await ChangesAsync(id)), "ErrorDescription"), StringComparison.Ordinal);
        Assert.Equal("32779", Value(await ChangesAsync(id, @"C:\VMs\none.vhdx"), "ReturnValue"));
    }

    [Fact]
    public async Task Planned_faults_fire_as_often_as_planned()
    {
        await _rig.ControlAsync("/lab/fault", new { name = "checkpoint-fails", count = 1, vm = "small" });
        var failed = await _rig.FinishAsync(await CreateAsync());
        Assert.Equal("10", Value(failed, "JobState"));
        await RecoveryAsync();
        Assert.Equal(1, (int)(await _rig.ControlAsync("/lab/faults")).AsArray().Single()!["fired"]!);
        await _rig.ControlAsync("/lab/fault", new { name = "access-denied" });
        Assert.Equal("w:AccessDenied", await _rig.FaultAsync(Enumerate, "Msvm_ComputerSystem", "<n:Enumerate/>"));
        await _rig.GoodAsync(Enumerate, "Msvm_ComputerSystem", "<n:Enumerate/>");
        await _rig.ControlAsync("/lab/fault", new { name = "no-such" }, HttpStatusCode.BadRequest);
        await _rig.ControlAsync("/lab/fault", new { name = "job-hangs", vm = "nobody" }, HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_missing_disk_comes_back_when_its_checkpoint_goes_and_lost_tracking_stays_lost()
    {
        var first = await RecoveryAsync();
        await _rig.FinishAsync(await _rig.InvokeAsync(Snapshots, "ConvertToReferencePoint", ("AffectedSnapshot", Settings(first))));
        var id = Value((await _rig.QueryAsync("SELECT * FROM Msvm_VirtualSystemReferencePoint")).Single(), "ResilientChangeTrackingIdentifiers");
        await _rig.MergedAsync();
        await _rig.ControlAsync("/lab/fault", new { name = "disk-missing" });
        var second = await RecoveryAsync();
        Assert.Equal("32779", Value(await ChangesAsync(id), "ReturnValue"));
        await DestroyAsync(second);
        await _rig.ControlAsync("/lab/fault", new { name = "tracking-lost" });
        var third = await RecoveryAsync();
        Assert.Contains("0xC03A0029", Value(await _rig.FinishAsync(await ChangesAsync(id)), "ErrorDescription"), StringComparison.Ordinal);
        Assert.True((bool)(await CompareAsync(third))["identical"]!);
    }

    [Fact]
    public async Task A_lost_range_is_one_range_less()
    {
        await RecoveryAsync();
        var vm = await _rig.VmAsync();
        var first = (Guid)vm["checkpoints"]![0]!["id"]!;
        await _rig.FinishAsync(await _rig.InvokeAsync(Snapshots, "ConvertToReferencePoint", ("AffectedSnapshot", Settings(first))));
        var id = Value((await _rig.QueryAsync("SELECT * FROM Msvm_VirtualSystemReferencePoint")).Single(), "ResilientChangeTrackingIdentifiers");
        await _rig.MergedAsync();
        await WriteAsync(500_000);
        await RecoveryAsync();
        var all = await ChangesAsync(id);
        await _rig.ControlAsync("/lab/fault", new { name = "changes-missing-range" });
        var some = await ChangesAsync(id);
        static int Count(System.Xml.Linq.XElement answer) =>
            answer.Elements().Count(e => e.Name.LocalName == "ChangedByteOffsets" && e.Value.Length > 0);
        Assert.Equal(Count(all) - 1, Count(some));
    }

    [Fact]
    public async Task A_guest_that_cannot_be_quiesced_fails_application_consistency_only()
    {
        await _rig.ControlAsync("/lab/fault", new { name = "quiesce-fails" });
        var failed = await _rig.FinishAsync(await CreateAsync(level: 1));
        Assert.Contains("could not be quiesced", Value(failed, "ErrorDescription"), StringComparison.Ordinal);
        Assert.Equal("7", Value(await _rig.FinishAsync(await CreateAsync(level: 2)), "JobState"));
    }

    [Fact]
    public async Task Foreign_objects_look_like_ours_but_are_not()
    {
        var checkpoint = await _rig.ControlAsync("/lab/foreign", new { vm = "small", kind = "recovery-checkpoint" });
        await _rig.ControlAsync("/lab/foreign", new { vm = "small", kind = "reference-point" });
        var status = (await _rig.VmAsync())["operationalStatus"]!.AsArray();
        Assert.Equal(11, (int)status[0]!);
        var listed = await _rig.QueryAsync("SELECT * FROM Msvm_VirtualSystemSettingData "
            + "WHERE VirtualSystemType='Microsoft:Hyper-V:Snapshot:Recovery'");
        Assert.Equal((string)checkpoint["checkpointId"]!, Value(listed.Single(), "InstanceID"));
        Assert.Single(await _rig.QueryAsync("SELECT * FROM Msvm_VirtualSystemReferencePoint"));
    }

    [Fact]
    public async Task A_second_operation_on_a_busy_vm_is_an_invalid_state()
    {
        await _rig.ControlAsync("/lab/fault", new { name = "job-hangs" });
        await CreateAsync();
        Assert.Equal("32775", Value(await CreateAsync(), "ReturnValue"));
        while (true)
        {
            // The fault is cleared only after it fired.
            if ((int)(await _rig.ControlAsync("/lab/faults")).AsArray().Single()!["fired"]! == 1) break;
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        await _rig.ControlAsync("/lab/clear-faults", new { });
        while ((await _rig.QueryAsync("SELECT * FROM Msvm_ConcreteJob WHERE JobState = 4")).Count > 0)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        Assert.Equal("8", Value((await _rig.QueryAsync("SELECT * FROM Msvm_ConcreteJob")).Single(), "JobState"));
        await RecoveryAsync();
        var planned = Reference("Msvm_ComputerSystem", ("CreationClassName", "Msvm_ComputerSystem"),
            ("Name", "11111111-1111-1111-1111-111111111111"));
        Assert.Equal("a:DestinationUnreachable", await _rig.FaultAsync($"{Prefix}{Snapshots}/CreateSnapshot", Snapshots,
            Input(Snapshots, "CreateSnapshot", ("AffectedSystem", planned)), Selectors(("CreationClassName", Snapshots))));
    }

    private async Task<long> WriteAsync(int bytes) => (long)(await _rig.ControlAsync("/lab/write", new { vm = "small", bytes }))["bytesChanged"]!;

    private async Task<Guid> UserAsync() => (Guid)(await _rig.ControlAsync("/lab/user-checkpoint", new { vm = "small" }))["checkpointId"]!;

    private async Task<Guid> RecoveryAsync() => Guid.Parse((await _rig.CreatedAsync(await _rig.FinishAsync(await CreateAsync())))[10..]);

    private async Task<System.Xml.Linq.XElement> CreateAsync(int level = 2)
    {
        var vm = ((Guid)(await _rig.VmAsync())["id"]!).ToString().ToUpperInvariant();
        var settings = $"<INSTANCE CLASSNAME=\"Msvm_VirtualSystemSnapshotSettingData\">"
            + $"<PROPERTY NAME=\"ConsistencyLevel\" TYPE=\"uint8\"><VALUE>{level}</VALUE></PROPERTY></INSTANCE>";
        return await _rig.InvokeAsync(Snapshots, "CreateSnapshot",
            ("AffectedSystem", Reference("Msvm_ComputerSystem", ("CreationClassName", "Msvm_ComputerSystem"), ("Name", vm))),
            ("SnapshotSettings", WebUtility.HtmlEncode(settings)), ("SnapshotType", "32768"));
    }

    private async Task DestroyAsync(Guid checkpoint)
    {
        await _rig.FinishAsync(await _rig.InvokeAsync(Snapshots, "DestroySnapshot", ("AffectedSnapshot", Settings(checkpoint))));
        await _rig.MergedAsync();
    }

    private Task<System.Xml.Linq.XElement> ChangesAsync(string id, string path = Folder + @"\small.vhdx") =>
        _rig.InvokeAsync("Msvm_ImageManagementService",
        "GetVirtualDiskChanges", ("Path", path), ("LimitId", id), ("ByteOffset", "0"), ("ByteLength", DiskLength.ToString()));

    /// <summary>Reads the frozen files with the library and has the lab compare that with its record.</summary>
    private async Task<JsonNode> CompareAsync(Guid checkpoint)
    {
        var disks = await _rig.QueryAsync($"SELECT * FROM Msvm_StorageAllocationSettingData WHERE InstanceID LIKE 'Microsoft:{checkpoint}%'");
        var copy = Path.Combine(_rig.Folder, "copy.raw");
        using (var disk = VirtualDisk.Open(_rig.Local(Value(disks.Single(), "HostResource")), new DiskOpenOptions()))
        {
            var bytes = new byte[disk.Length];
            disk.Read(0, bytes);
            await File.WriteAllBytesAsync(copy, bytes);
        }
        return await _rig.ControlAsync("/lab/compare", new { checkpointId = checkpoint, disk = 0, localPath = copy });
    }

    private static JsonNode Record(JsonArray records, Guid checkpoint) => records.Single(r => (Guid)r!["checkpointId"]! == checkpoint)!["disks"]![0]!;

    private static string Settings(Guid checkpoint) => Reference("Msvm_VirtualSystemSettingData", ("InstanceID", $"Microsoft:{checkpoint}"));
}
