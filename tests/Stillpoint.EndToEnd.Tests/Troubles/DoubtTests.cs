using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>On any doubt about a base a disk is read in full and the image says why; the next incremental is one again.</summary>
[Collection(OnTheStandingSite.Name)]
[Trait("Kind", "Slow")]
public sealed class DoubtTests(StandingSite site)
{
    private const string Vm = "app";

    private static CancellationToken Cancel => StandingSite.Cancel;

    [Fact]
    public async Task A_reverted_vm_is_read_in_full()
    {
        await BaseAsync();
        await site.Lab.UserCheckpointAsync(Vm, Cancel);
        await WriteAsync(41);
        await site.Lab.RevertAsync(Vm, Cancel);
        await AssertFullOnceAsync("a checkpoint was applied");

        // The same checkpoint once more: the last applied snapshot and all files below are the same as at the base.
        await WriteAsync(45);
        await site.Lab.RevertAsync(Vm, Cancel);
        await AssertFullOnceAsync("a checkpoint was applied, or the disk was moved");
    }

    [Fact]
    public async Task A_replaced_reference_point_leads_to_a_full_read()
    {
        await BaseAsync();
        await using (var host = site.OpenHost())
        {
            var vm = await site.Lab.VmAsync(Vm, Cancel);
            var ours = Assert.Single(await host.ListReferencePointsAsync(vm.Id, Cancel));
            await host.DestroyReferencePointAsync(ours.Id, Cancel);
        }
        await site.Lab.ForeignAsync(Vm, "reference-point", Cancel);
        var foreign = Assert.Single((await site.Lab.VmAsync(Vm, Cancel)).ReferencePoints);
        await WriteAsync(42);
        await AssertFullOnceAsync("reference point is no longer on the host");

        var points = (await site.Lab.VmAsync(Vm, Cancel)).ReferencePoints;
        Assert.Equal(2, points.Count);
        Assert.Contains(foreign, points);
        await using var other = site.OpenHost();
        await other.DestroyReferencePointAsync(
            (await other.ListReferencePointsAsync((await site.Lab.VmAsync(Vm, Cancel)).Id, Cancel)).Single(p => p.Id.EndsWith(
                foreign.Id.ToString(), StringComparison.OrdinalIgnoreCase)).Id, Cancel);
    }

    [Fact]
    public async Task Lost_tracking_leads_to_a_full_read()
    {
        await BaseAsync();
        await WriteAsync(43);
        await site.Lab.FaultAsync("tracking-lost", Vm, 1, Cancel);
        var file = (await site.Lab.VmAsync(Vm, Cancel)).Disks[0].Path.Split('\\')[^1];
        await AssertFullOnceAsync($"change tracking of disk {file} was lost");
    }

    [Fact]
    public async Task A_change_list_that_lacks_a_range_is_caught_by_the_audit()
    {
        await BaseAsync();
        var (_, earlier) = await site.BackupAsync("app", "inc", Vm);
        await WriteAsync(44);
        await site.Lab.FaultAsync("changes-missing-range", Vm, 1, Cancel);
        var (job, image) = await AssertFullOnceAsync("missed a write");
        Assert.Contains(job.Warnings, w => w.Contains("change tracking missed a write", StringComparison.Ordinal));
        Assert.True(image.Disks[0].BytesAudited > 0);

        // What may lack the same write is marked in the unit itself.
        var notes = Directory.EnumerateFiles(Path.Combine(site.Site.UnitFolder, "notes"), "*", SearchOption.AllDirectories);
        Assert.Contains(notes, n => n.Contains(earlier.Id.ToString("N"), StringComparison.Ordinal) && n.Contains("suspect", StringComparison.Ordinal));
    }

    private async Task BaseAsync()
    {
        await site.PolicyAsync("app", [Vm]);
        await site.BackupAsync("app", "full", Vm);
    }

    private Task WriteAsync(int seed) => site.Lab.WriteAsync(Vm, 2 << 20, seed, Cancel);

    /// <summary>An incremental that reads everything for this reason, byte for byte right, and one after it that does not.</summary>
    private async Task<(Job Job, ImageRecord Image)> AssertFullOnceAsync(string reason)
    {
        var (job, image) = await site.BackupAsync("app", "inc", Vm);
        await site.AssertFaultsFiredAsync();
        Assert.Equal(ImageType.Full, image.Type);
        var disk = Assert.Single(image.Disks);
        Assert.True(disk.FullReason?.Contains(reason, StringComparison.Ordinal), $"the image's reason is: {disk.FullReason}");
        Assert.Equal(StandingSite.SmallDisk, disk.BytesRead);
        await site.AssertRestoresAsync(image);

        await WriteAsync(seed: reason.Length);
        var (_, next) = await site.BackupAsync("app", "inc", Vm);
        Assert.Equal(ImageType.DifferentialIncremental, next.Type);
        Assert.Null(Assert.Single(next.Disks).FullReason);
        await site.AssertRestoresAsync(next);
        return (job, image);
    }
}
