using Stillpoint.Extents;
using Stillpoint.Model;
using static Stillpoint.HyperV.Tests.Messages;

namespace Stillpoint.HyperV.Tests;

public sealed class ChangesTests
{
    private const string Disk = @"C:\VMs\web\disk.vhdx";

    [Fact]
    public async Task The_answers_are_joined_until_the_end_of_the_disk()
    {
        await using var opened = new Opened(
            Answer(400, [(0, 10), (50, 10), (60, 5)]), Answer(500, [(890, 10), (500, 100), (550, 60)]), Answer(100, [(950, 100), (20, 5)]));

        var changes = await opened.Host.GetChangesAsync(Disk, "rctX:1", 1000, default);

        // sorted, joined, cut at the disk's length; what lies before the window is kept, for more is never wrong
        Assert.Equal(ExtentSet.Of(new(0, 10), new(20, 5), new(50, 15), new(500, 110), new(890, 10), new(950, 50)), changes);
        Assert.Equal([("0", "1000"), ("400", "600"), ("900", "100")],
            opened.Server.Requests.Select(r => (r.Text("ByteOffset"), r.Text("ByteLength"))));
        Assert.All(opened.Server.Requests, r => Assert.Equal((Disk, "rctX:1"), (r.Text("Path"), r.Text("LimitId"))));
        Assert.All(opened.Server.Requests, r => Assert.DoesNotContain("TargetSnapshotId", r.Body.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nothing_changed_is_the_empty_set()
    {
        await using var opened = new Opened(Answer(1000, []));
        Assert.True((await opened.Host.GetChangesAsync(Disk, "rctX:1", 1000, default)).IsEmpty);
    }

    [Fact]
    public async Task An_answer_that_does_not_get_on_is_an_error_and_no_loop()
    {
        await using var opened = new Opened(_ => Answer(0, [(0, 10)]));
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetChangesAsync(Disk, "rctX:1", 1000, default))).Trouble;
        Assert.Contains("stuck at byte 0", trouble.Message, StringComparison.Ordinal);
        Assert.Single(opened.Server.Requests);
    }

    [Theory]
    [InlineData(0xC03A0020)]
    [InlineData(0xC03A0021)]
    [InlineData(0xC03A0022)]
    [InlineData(0xC03A0023)]
    [InlineData(0xC03A0024)]
    [InlineData(0xC03A0029)]
    [InlineData(0xC03A002A)]
    [InlineData(0xC03A0030)]
    public async Task Each_error_of_change_tracking_asks_for_a_full_read_however_it_comes(uint code)
    {
        var job = ("Job", (object?)Reference("Msvm_StorageJob", ("InstanceID", "J1")));
        Reply[][] ways =
        [
            [Output("Msvm_ImageManagementService", "GetVirtualDiskChanges", ("ReturnValue", code.ToString()))],
            [Fault("w:InternalError", WmiError(code, "x"))],
            [Fault("w:InternalError", ProviderFault(2150859010, code, "x"))],
            [Fault("w:InternalError", "", $"Fehler (0x{code:X8})")],
            [Output("Msvm_ImageManagementService", "GetVirtualDiskChanges", job, ("ReturnValue", "4096")),
                Job("10", ("ErrorCode", "32768"), ("ErrorDescription", $"Fehler: 'x' (0x{code:x8}).")), Fault("w:InternalError", "")],
        ];
        foreach (var way in ways)
        {
            await using var opened = new Opened(way);
            await Assert.ThrowsAsync<TrackingLostException>(() => opened.Host.GetChangesAsync(Disk, "rctX:1", 1000, default));
        }
    }

    [Theory]
    [InlineData("32768")]
    [InlineData("32779")]
    [InlineData("3225026568")] // 0xC03A0008: the disk is damaged, not its tracking
    public async Task Any_other_error_stays_one(string code)
    {
        await using var opened = new Opened(Output("Msvm_ImageManagementService", "GetVirtualDiskChanges", ("ReturnValue", code)));
        await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetChangesAsync(Disk, "rctX:1", 1000, default));
    }

    [Fact]
    public async Task After_a_job_the_arrays_of_the_calls_own_answer_count()
    {
        var job = "<p:Job>" + Reference("Msvm_StorageJob", ("InstanceID", "J1")) + "</p:Job>";
        var answer = Answer(1000, [(100, 50)]).Replace("<p:ReturnValue>0<", job + "<p:ReturnValue>4096<", StringComparison.Ordinal);
        await using var opened = new Opened(answer, Job("7"));
        Assert.Equal(ExtentSet.Of(new Extent(100, 50)), await opened.Host.GetChangesAsync(Disk, "rctX:1", 1000, default));
        Assert.Equal(V2 + "Msvm_StorageJob", opened.Server.Requests[1].Text("ResourceURI"));
    }

    [Fact]
    public async Task A_host_that_allows_shorter_answers_is_asked_for_less_of_the_disk()
    {
        const long Length = 64L << 20;
        await using var opened = new Opened(request => long.Parse(request.Text("ByteLength")) > 16L << 20
            ? Fault("w:EncodingLimit", "")
            : Answer(long.Parse(request.Text("ByteLength")), [(long.Parse(request.Text("ByteOffset")), 1)]));
        var changes = await opened.Host.GetChangesAsync(Disk, "rctX:1", Length, default);
        Assert.Equal(ExtentSet.Of(new(0, 1), new(16 << 20, 1), new(32 << 20, 1), new(48 << 20, 1)), changes);
    }

    [Theory]
    [InlineData("9223372036854775807", "1")]
    [InlineData("18446744073709551615", "1")]
    [InlineData("-5", "1")]
    [InlineData("x", "1")]
    public async Task Numbers_that_no_disk_has_are_refused(string offset, string length)
    {
        await using var opened = new Opened(Output("Msvm_ImageManagementService", "GetVirtualDiskChanges",
            ("ProcessedByteLength", "1000"), ("ChangedByteOffsets", offset), ("ChangedByteLengths", length), ("ReturnValue", "0")));
        await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetChangesAsync(Disk, "rctX:1", 1000, default));
    }

    [Fact]
    public async Task Offsets_without_lengths_are_refused()
    {
        await using var opened = new Opened(Output("Msvm_ImageManagementService", "GetVirtualDiskChanges",
            ("ProcessedByteLength", "1000"), ("ChangedByteOffsets", new[] { "1", "2" }), ("ChangedByteLengths", "1"), ("ReturnValue", "0")));
        await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetChangesAsync(Disk, "rctX:1", 1000, default));
    }

    internal static string Answer(long processed, (long Offset, long Length)[] ranges) => Output(
        "Msvm_ImageManagementService", "GetVirtualDiskChanges",
        ("ProcessedByteLength", processed),
        ("ChangedByteOffsets", ranges.Length == 0 ? null : ranges.Select(r => r.Offset.ToString()).ToArray()),
        ("ChangedByteLengths", ranges.Length == 0 ? null : ranges.Select(r => r.Length.ToString()).ToArray()),
        ("ReturnValue", "0"));
}
