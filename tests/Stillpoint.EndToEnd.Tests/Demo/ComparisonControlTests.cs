using System.Text.Json;
using System.Text.RegularExpressions;
using Stillpoint.Demo;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.VirtualDisks;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>A site with one policy that trusts the host's change lists: no audit looks for what a list left out.</summary>
public sealed class TrustingSite : IAsyncLifetime
{
    internal const string Policy = "trusting";
    private readonly string _root = Directory.CreateTempSubdirectory("stillpoint-tests-").FullName;

    internal Site Site { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var cancel = TestContext.Current.CancellationToken;
        Site = Site.In(_root);
        await Site.StartAsync([], cancel);
        await Site.VmsAsync(cancel);
        var policy = new Policy(
            Policy, BackupMethod.Wmi, Site.UnitName, [new VmSelection(Site.HostName, "web"), new VmSelection(Site.HostName, "db")], BlockLevelIncremental: true,
            ConsistencyPolicy.Application, GuestBackupType.Copy,
            [
                new Schedule("full", ImageType.Full, null, new Retention(30, 2)),
                new Schedule("incremental", ImageType.DifferentialIncremental, null, new Retention(30, 2)),
            ],
            TrackingAudit: false);
        await Site.Api.Post<PolicyView>("policies", policy, cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (Site is not null) await Site.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }
}

/// <summary>Negative controls of the demo's comparison: with one byte or one range wrong it fails, and says on which disk and where.</summary>
[Trait("Kind", "Slow")]
public sealed class ComparisonControlTests(TrustingSite standing) : IClassFixture<TrustingSite>
{
    private readonly Site _site = standing.Site;
    private readonly DemoLedger _ledger = new(standing.Site);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_byte_flipped_in_a_restored_file_is_found_at_its_offset()
    {
        var backup = await BackUpAsync("db", "full");
        var restored = await RestoreAsync(backup, disk: 1, "flipped-file.vhdx");
        Assert.True((await CompareAsync(backup, restored)).Identical);

        long flipped;
        using (var disk = VirtualDisk.Open(LocalOf(restored), new DiskOpenOptions { ReadOnly = false, NewId = Guid.NewGuid }))
        {
            // Somewhere inside the data, not at the start of a block or a sector.
            flipped = disk.Data.First(e => e.Length > 8192).Offset + 4096 + 77;
            var value = new byte[1];
            disk.Read(flipped, value);
            value[0] ^= 0x10;
            disk.Write(flipped, value);
            disk.Flush();
        }

        var verdict = await CompareAsync(backup, restored);
        Assert.Equal($"restored {restored.What}, disk 1: DIFFERS from byte {flipped}", verdict.ToString());
        Assert.False(verdict.Identical);
    }

    [Fact]
    public async Task A_lost_change_range_is_found_where_the_disks_part()
    {
        await BackUpAsync("web", "full");
        await _site.Lab.WriteAsync("web", 2_000_000, 11, Cancel);
        await _site.Lab.FaultAsync("changes-missing-range", "web", 1, Cancel);
        var backup = await BackUpAsync("web", "incremental");
        var fault = (await _site.Lab.FaultsAsync(Cancel)).Single(f => f.Name == "changes-missing-range");
        Assert.Equal(1, fault.Fired);
        Assert.Null(backup.Image.Disks[0].FullReason);

        var restored = await RestoreAsync(backup, disk: 0, "lost-range.vhdx");
        var verdict = await CompareAsync(backup, restored);
        Assert.False(verdict.Identical);
        Assert.Equal($"restored {restored.What}, disk 0: DIFFERS from byte {FirstDifference(backup, disk: 0, LocalOf(restored))}", verdict.ToString());
    }

    [Fact]
    public async Task One_byte_flipped_in_a_pack_fails_the_restore_and_names_disk_and_offset()
    {
        var packs = Path.Combine(_site.UnitFolder, "packs");
        await _site.Lab.WriteAsync("db", 4_000_000, 12, Cancel);
        Directory.CreateDirectory(packs);
        var before = Directory.GetFiles(packs, "*", SearchOption.AllDirectories).ToHashSet();
        var backup = await BackUpAsync("db", "full");
        var pack = Directory.GetFiles(packs, "*", SearchOption.AllDirectories).Where(p => !before.Contains(p)).MaxBy(p => new FileInfo(p).Length)!;

        // The middle of the new pack is inside a chunk of one disk or of both.
        Flip(pack);
        var said = new List<string>();
        for (var disk = 0; disk < 2; disk++)
        {
            var job = await _ledger.RestoreAsync("restores/disk", Order(backup, disk, $"damaged-{disk}.vhdx"), Cancel);
            if (job.Job.Outcome == JobOutcome.Ok) continue;
            said.Add($"{job.Job.Trouble}");
            // What was not restored whole is not there to be taken for a disk.
            Assert.False(File.Exists(LocalOf(new RestoredDisks("", [HostPath($"damaged-{disk}.vhdx")], disk))));
            Assert.Contains(backup.Image.Disks[disk].Name, said[^1], StringComparison.Ordinal);
            Assert.Matches(@"the bytes \d+ to \d+", said[^1]);
        }
        Assert.True(said.Count > 0, "no restore noticed the damage");
        Assert.Equal(said.Count, _ledger.Broken.Count);

        Flip(pack);
        var whole = await RestoreAsync(backup, disk: 1, "mended.vhdx");
        Assert.True((await CompareAsync(backup, whole)).Identical);
    }

    private async Task<DemoBackup> BackUpAsync(string vm, string schedule)
    {
        var job = (await _site.RunAsync(TrustingSite.Policy, schedule, vm, Cancel)).Single();
        Assert.True(job.Job.Outcome == JobOutcome.Ok, $"{job.Job.Trouble}");
        return await _ledger.KeepAsync(job.Job, Cancel);
    }

    private async Task<RestoredDisks> RestoreAsync(DemoBackup backup, int disk, string file)
    {
        var job = await _ledger.RestoreAsync("restores/disk", Order(backup, disk, file), Cancel);
        Assert.True(job.Job.Outcome == JobOutcome.Ok, $"{job.Job.Trouble}");
        return new RestoredDisks(file, job.Job.RestoredFiles, disk);
    }

    private async Task<DiskVerdict> CompareAsync(DemoBackup backup, RestoredDisks restored) =>
        Assert.Single(await DiskVerdict.OfAsync(_site.Lab, backup.CheckpointId, restored, Cancel));

    private static object Order(DemoBackup backup, int disk, string file) =>
        new { image = backup.Image.Id, host = Site.HostName, disk = backup.Image.Disks[disk].Name, file = HostPath(file) };

    private static string HostPath(string file) => $@"C:\Controls\{file}";

    private string LocalOf(RestoredDisks restored) => Path.Combine(_site["lab"].Data, restored.Files[0].Replace(@"C:\", "C/", StringComparison.Ordinal).Replace('\\', '/'));

    private static void Flip(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = file.Length / 2;
        var value = file.ReadByte();
        file.Position--;
        file.WriteByte((byte)(value ^ 1));
    }

    /// <summary>Where the restored disk and the lab's flat model part, found without the lab.</summary>
    private long FirstDifference(DemoBackup backup, int disk, string restored)
    {
        var record = Path.Combine(_site["lab"].Data, "record");
        using var checkpoint = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(record, "checkpoints", backup.CheckpointId + ".json")));
        var model = checkpoint.RootElement.GetProperty("Disks")[disk].GetProperty("Disk").GetString()!;
        using var flat = File.OpenRead(Path.Combine(record, model, "current.raw"));
        using var ours = VirtualDisk.Open(restored, new DiskOpenOptions());
        var (a, b) = (new byte[1 << 20], new byte[1 << 20]);
        for (long at = 0; at < ours.Length; at += a.Length)
        {
            var length = (int)Math.Min(a.Length, ours.Length - at);
            ours.Read(at, a.AsSpan(0, length));
            flat.ReadExactly(b, 0, length);
            var same = a.AsSpan(0, length).CommonPrefixLength(b.AsSpan(0, length));
            if (same < length) return at + same;
        }
        throw new InvalidOperationException("the restored disk equals the model");
    }
}
