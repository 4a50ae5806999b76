using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>Disks of a user's own as a VM of the lab, through all roles and back; qemu-img judges.</summary>
[Collection(OnTheStandingSite.Name)]
[Trait("Kind", "Slow")]
public sealed class UserDiskTests(StandingSite site)
{
    private const string Vm = "books";
    private const long Size = 48L << 20;

    private static CancellationToken Cancel => StandingSite.Cancel;

    [Fact]
    public async Task Disks_made_by_qemu_img_come_back_identical()
    {
        Assert.SkipWhen(GivenDisk.Missing is not null, GivenDisk.Missing ?? "");
        var folder = Path.Combine(site.Root, "given");
        GivenDisk[] given =
        [
            await GivenDisk.MakeAsync(folder, "ledger.img", "raw", Size, 11), await GivenDisk.MakeAsync(folder, "letters.vhdx", "vhdx", Size, 12),
        ];
        await site.Site.StopAsync("lab");
        await site.Site.StartLabAsync(["--vm", $"{Vm}={string.Join(',', given.Select(g => g.Path))}"], Cancel);
        await site.PolicyAsync(Vm, [Vm], ConsistencyPolicy.Application);

        var (_, full) = await site.BackupAsync(Vm, "full", Vm);
        Assert.Equal(2, full.Disks.Count);
        await site.Lab.WriteAsync(Vm, 3 << 20, 5, Cancel);
        var (_, incremental) = await site.BackupAsync(Vm, "inc", Vm);
        Assert.Equal(ImageType.DifferentialIncremental, incremental.Type);
        Assert.True(incremental.Disks.Sum(d => d.BytesSent) > 0);

        for (var disk = 0; disk < given.Length; disk++)
        {
            // The full holds what was given, in both formats; the incremental what the lab's guest made of it.
            await given[disk].AssertSameAsync(site.Local(await site.RestoreDiskAsync(full.Id, disk, ".img")), "raw");
            await given[disk].AssertSameAsync(site.Local(await site.RestoreDiskAsync(full.Id, disk, ".vhdx")), "vhdx");
            await site.AssertRestoresAsync(incremental, disk);
        }

        var back = await site.RestoreVmAsync(full, "books-back");
        for (var disk = 0; disk < given.Length; disk++)
        {
            await given[disk].AssertSameAsync(site.Local(back.Disks[disk].Path), "vhdx");
            given[disk].AssertUntouched();
        }
    }
}
