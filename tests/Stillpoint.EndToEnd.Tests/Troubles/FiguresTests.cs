using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>An incremental costs what changed, by the lab's own count of what its guests wrote.</summary>
[Collection(OnTheStandingSite.Name)]
[Trait("Kind", "Slow")]
public sealed class FiguresTests(StandingSite site, ITestOutputHelper output)
{
    private static CancellationToken Cancel => StandingSite.Cancel;

    [Theory]
    [InlineData("web", "inc", 256L << 20)]
    [InlineData("web", "cum", 256L << 20)]
    public async Task One_percent_changed_is_one_percent_sent(string vm, string schedule, long size)
    {
        await site.PolicyAsync("figures", ["web"], ConsistencyPolicy.Application);
        await site.BackupAsync("figures", "full", vm);
        await site.Lab.WriteAsync(vm, size / 100, seed: 7 + schedule.Length + schedule[0], Cancel);

        var (_, image) = await site.BackupAsync("figures", schedule, vm);

        Assert.Equal(schedule == "inc" ? ImageType.DifferentialIncremental : ImageType.CumulativeIncremental, image.Type);
        var disk = Assert.Single(image.Disks);
        var written = Assert.Single((await site.Lab.RecordsAsync(vm, Cancel))[^1].Disks);
        var metadata = disk.BytesStored - disk.BytesWire;
        output.WriteLine($"{vm} {schedule}: written {written.BytesChanged}, in chunks {written.BytesTouched}, tracked {disk.BytesChanged}, " +
            $"read {disk.BytesRead}, audited {disk.BytesAudited}, sent {disk.BytesSent}, wire {disk.BytesWire}, metadata {metadata}");
        Assert.Equal(size, disk.Size);
        Assert.True(written.BytesChanged > size / 200, "the guest wrote too little for the gate to mean anything");
        Assert.True(disk.BytesSent > 0);
        Assert.True(disk.BytesSent <= written.BytesTouched * 5 / 4, $"sent {disk.BytesSent} of {written.BytesTouched} touched");
        Assert.True(disk.BytesRead <= written.BytesTouched * 5 / 4, $"read {disk.BytesRead} of {written.BytesTouched} touched");
        Assert.InRange(metadata, 0, disk.BytesSent / 10);
        await site.AssertRestoresAsync(image);
    }
}
