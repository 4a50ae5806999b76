using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>How finely a host tracks changes is not documented: the client relies on no granule, below the chunk or above it.</summary>
public sealed class GranuleTests
{
    [Theory]
    [InlineData(512)]
    [InlineData(4 << 10)]
    [InlineData(32 << 10)]
    [InlineData(1 << 20)]
    public async Task An_incremental_is_right_whatever_the_host_marks_at_a_time(long granule)
    {
        await using var rig = await HostRig.StartAsync(lab => lab with { Granule = granule }, s => s, HostRig.Vm("vm"));
        await rig.WriteAsync("vm", bytes: 2 << 20);
        await rig.BackupAsync("vm");
        await rig.WriteAsync("vm", seed: 2, bytes: 64 << 10);

        var image = await rig.BackupAsync("vm");
        Assert.Equal(ImageType.DifferentialIncremental, image.Type);
        Assert.InRange(image.Disks.Single().BytesChanged, 64 << 10, HostRig.DiskSize / 2);
        var record = await rig.RecordAsync(image.VmId);
        var report = await rig.RestoreAsync(image, o => o);
        Assert.Equal(JobOutcome.Ok, report.Outcome);
        await rig.AssertHoldsAsync("copy", record);
    }
}
