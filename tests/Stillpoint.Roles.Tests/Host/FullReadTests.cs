using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Lab;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>Every cause of a full read: found on a real file below a lab's VM, said in the job and the image, and the bytes are right.</summary>
public sealed class FullReadTests
{
    private static readonly UserMachine s_vm = new("vm", [new UserDisk(Size: HostRig.DiskSize), new UserDisk(Size: HostRig.DiskSize)]);

    [Theory]
    [InlineData(FullReadCause.DiskReplaced, "was replaced", """{"vm":"vm","deed":"replace","disk":1}""")]
    [InlineData(FullReadCause.DiskResized, "was resized", """{"vm":"vm","deed":"resize","disk":1,"bytes":18874368}""")]
    [InlineData(FullReadCause.ChangedOffline, "while no VM used it", """{"vm":"vm","deed":"compact","disk":1}""")]
    [InlineData(FullReadCause.ChangedOffline, "while no VM used it", """{"vm":"vm","deed":"write","disk":1,"offset":1048576}""")]
    [InlineData(FullReadCause.AuditFailed, "missed a write", """{"vm":"vm","deed":"write-silently","disk":1,"offset":8388608}""")]
    [InlineData(FullReadCause.DiskMoved, "was moved from", """{"vm":"vm","deed":"move","disk":1,"folder":"C:\\Elsewhere"}""")]
    [InlineData(FullReadCause.TrackingReset, "switched off", """{"vm":"vm","deed":"reset-tracking","disk":1}""")]
    public async Task What_was_done_to_a_disk_is_found_and_that_disk_read_in_full(FullReadCause cause, string says, string deed)
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.WriteAsync("vm");
        await rig.BackupAsync("vm");
        await rig.ControlAsync("state", new { vm = "vm", state = "off" });
        await rig.MergedAsync("vm");
        await rig.ControlAsync("offline", System.Text.Json.Nodes.JsonNode.Parse(deed)!);
        await rig.ControlAsync("state", new { vm = "vm", state = "running" });
        await AssertOneFullAsync(rig, cause, says, onlyDisk: 1);
    }

    [Fact]
    public async Task A_tracking_id_that_went_stale_is_found()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.WriteAsync("vm");
        await rig.BackupAsync("vm");
        await rig.FaultAsync("tracking-lost", "vm");
        await AssertOneFullAsync(rig, FullReadCause.TrackingStale, "tracking id is not valid");
        await rig.AssertFaultsFiredAsync();
    }

    [Fact]
    public async Task Tracking_files_that_are_inconsistent_are_found()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.WriteAsync("vm");
        await rig.BackupAsync("vm");
        await rig.FaultAsync("tracking-broken", "vm");
        await AssertOneFullAsync(rig, FullReadCause.TrackingBroken, "tracking file is inconsistent");
        await rig.AssertFaultsFiredAsync();
    }

    [Fact]
    public async Task A_suspect_base_is_none()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.WriteAsync("vm");
        var image = await rig.BackupAsync("vm");
        using (var keys = rig.Keys())
        {
            await using var writer = await rig.Unit.OpenWriterAsync(new WriterScope(keys.Domain), default);
            using var random = RandomNumberGenerator.Create();
            await writer.PutNoteAsync(image.Id, NoteKind.Suspect, NoteCodec.SealText(keys, image.Id, NoteKind.Suspect, "for a test", random), default);
        }
        await AssertOneFullAsync(rig, FullReadCause.BaseDamaged, "is damaged or suspect");
    }

    [Fact]
    public async Task A_cumulative_incremental_that_lacks_an_image_is_found()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.WriteAsync("vm");
        await rig.BackupAsync("vm", ImageType.Full);
        await rig.WriteAsync("vm", seed: 2);
        var between = await rig.BackupAsync("vm");
        await rig.WriteAsync("vm", seed: 3);
        await rig.BackupAsync("vm");
        await Keeper.ExpireAsync(rig.Unit, between.Id, null, default);
        await AssertOneFullAsync(rig, FullReadCause.ImageGone, "between the last full and the base is gone", type: ImageType.CumulativeIncremental);
    }

    [Fact]
    public async Task A_last_full_read_that_is_too_old_asks_for_another()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.WriteAsync("vm");
        await rig.BackupAsync("vm");
        var report = await rig.BackupAsync(await rig.OrderAsync("vm") with { RescanDays = 0 });
        Assert.All(HostRig.Good(report).Disks, d => Assert.Equal(FullReadCause.RescanDue, d.FullCause));
        // A rule asked for it, so nobody need look.
        Assert.Empty(report.Warnings);
    }

    [Fact]
    public async Task A_disk_that_nothing_follows_is_read_in_full_each_time()
    {
        await using var rig = await HostRig.StartAsync(
            new UserMachine("vm", [new UserDisk(Size: HostRig.DiskSize), new UserDisk(Size: HostRig.DiskSize) { Format = UserDiskFormat.Vhd }]));
        await rig.WriteAsync("vm");
        await rig.BackupAsync("vm");
        await rig.WriteAsync("vm", seed: 2);
        var image = await rig.BackupAsync("vm");
        Assert.Equal([null, FullReadCause.NotTracked], image.Disks.Select(d => d.FullCause));
        for (var i = 0; i < 2; i++) await rig.AssertRestoresAsync(image, i);
    }

    [Fact]
    public async Task A_change_list_that_lacks_a_range_is_caught_by_the_audit()
    {
        await using var rig = await HostRig.StartAsync(HostRig.Vm("vm"));
        await rig.WriteAsync("vm");
        await rig.BackupAsync("vm");
        await rig.WriteAsync("vm", seed: 2);
        await rig.FaultAsync("changes-missing-range", "vm");
        await AssertOneFullAsync(rig, FullReadCause.AuditFailed, "missed a write");
        await rig.AssertFaultsFiredAsync();
    }

    [Fact]
    public async Task A_lost_base_is_found()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.WriteAsync("vm");
        await rig.BackupAsync("vm");
        foreach (var point in await rig.Host.ListReferencePointsAsync((await rig.VmAsync("vm")).Id, default))
            await rig.Host.DestroyReferencePointAsync(point.Id, default);
        await AssertOneFullAsync(rig, FullReadCause.BaseLost, "no longer on the host");
    }

    [Fact]
    public async Task A_reverted_vm_is_found()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        await rig.ControlAsync("user-checkpoint", new { vm = "vm" });
        await rig.WriteAsync("vm");
        await rig.BackupAsync("vm");
        await rig.ControlAsync("revert", new { vm = "vm" });
        await AssertOneFullAsync(rig, FullReadCause.Reverted, "a checkpoint was applied");
    }

    [Fact]
    public async Task What_the_rules_ask_for_is_no_warning()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var first = await rig.BackupAsync(await rig.OrderAsync("vm"));
        Assert.All(HostRig.Good(first).Disks, d => Assert.Equal(FullReadCause.NoBase, d.FullCause));
        Assert.Empty(first.Warnings);
        var off = await rig.BackupAsync(await rig.OrderAsync("vm") with { BlockLevelIncremental = false });
        Assert.All(HostRig.Good(off).Disks, d => Assert.Equal(FullReadCause.PolicyOff, d.FullCause));
        Assert.Empty(off.Warnings);
    }

    /// <summary>An incremental that reads in full for this cause, warns of it, and is right; the next is an incremental again.</summary>
    private static async Task AssertOneFullAsync(HostRig rig, FullReadCause cause, string says, int? onlyDisk = null, ImageType type = ImageType.DifferentialIncremental)
    {
        var report = await rig.BackupAsync(await rig.OrderAsync("vm", type));
        var image = HostRig.Good(report);
        for (var i = 0; i < image.Disks.Count; i++)
        {
            var disk = image.Disks[i];
            if (onlyDisk is { } only && only != i)
            {
                Assert.Null(disk.FullCause);
                continue;
            }
            if (cause is FullReadCause.AuditFailed or FullReadCause.TrackingStale && disk.FullCause is null) continue;
            Assert.Equal(cause, disk.FullCause);
            Assert.Contains(says, disk.FullReason, StringComparison.Ordinal);
        }
        Assert.Contains(image.Disks, d => d.FullCause == cause);
        Assert.Contains(report.Warnings, w => w.Contains(cause == FullReadCause.AuditFailed ? "missed a write" : "unexpected full: ", StringComparison.Ordinal));
        for (var i = 0; i < image.Disks.Count; i++) await rig.AssertRestoresAsync(image, i);

        await rig.WriteAsync("vm", seed: 9);
        var next = await rig.BackupAsync("vm");
        Assert.All(next.Disks, d => Assert.Null(d.FullCause));
        for (var i = 0; i < next.Disks.Count; i++) await rig.AssertRestoresAsync(next, i);
    }
}
