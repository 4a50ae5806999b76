using System.Diagnostics;
using Stillpoint.Demo;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>One site for the whole kill matrix: a VM with a full image, and on it what another product left.</summary>
public sealed class KillSite : IAsyncLifetime
{
    /// <summary>The VM that is backed up.</summary>
    public const string Vm = "web";

    private const string PolicyName = "daily";
    private const string Incremental = "incremental";
    private const int Written = 2 << 20;
    private const int ExitOfSigkill = 128 + 9;
    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_catchUp = TimeSpan.FromSeconds(60);
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-kills-").FullName;
    private readonly Dictionary<Guid, Guid> _checkpointOf = [];
    private readonly HashSet<string> _vms = [];
    private int _seed;
    private Guid _foreignCheckpoint;
    private Guid _foreignPoint;

    internal Site Site { get; private set; } = null!;

    internal static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The lab host's drive C: as a folder here.</summary>
    private string Drive => File.ReadAllText(Path.Combine(Site.Root, "lab", "path-map")).Trim()[@"C:\=".Length..];

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Site = Site.In(_folder);
        await Site.StartAsync([], Cancel);
        await Site.VmsAsync(Cancel);
        await Site.Lab.ForeignAsync(Vm, "reference-point", Cancel);
        while ((await Site.Lab.VmAsync(Vm, Cancel)).Merging) await Task.Delay(100, Cancel);
        await Site.Lab.ForeignAsync(Vm, "recovery-checkpoint", Cancel);
        var vm = await Site.Lab.VmAsync(Vm, Cancel);
        (_foreignPoint, _foreignCheckpoint) = (vm.ReferencePoints.Single().Id, vm.Checkpoints.Single().Id);
        foreach (var known in await Site.Lab.VmsAsync(Cancel)) _vms.Add(known.Name);
        var kept = new Retention(30, 100);
        await Site.Api.Post<PolicyView>("policies", new Policy(
            PolicyName, BackupMethod.Wmi, Site.UnitName, [new VmSelection(Site.HostName, Vm)], BlockLevelIncremental: true,
            ConsistencyPolicy.Application, GuestBackupType.Copy,
            [new Schedule("full", ImageType.Full, null, kept), new Schedule(Incremental, ImageType.DifferentialIncremental, null, kept)]), Cancel);
        await EndsOkAsync(await Site.RunAsync(PolicyName, "full", Vm, Cancel));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Site is not null) await Site.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Starts a role anew; with a kill point it will die there, the so-manieth time it comes by.</summary>
    internal Task StartAsync(string role, KillPoint? point, int nth = 1)
    {
        var environment = point is { } p ? new Dictionary<string, string> { [Kill.Variable] = $"{Words.Of(p)}:{nth}" } : null;
        return role switch
        {
            "client" => Site.StartClientAsync(environment, Cancel),
            "media" => Site.StartMediaAsync(environment, Cancel),
            "primary" => Site.StartPrimaryAsync(environment, Cancel),
            _ => throw new ArgumentOutOfRangeException(nameof(role), role, "no role"),
        };
    }

    /// <summary>Waits until the role killed itself.</summary>
    internal async Task DiesAsync(string role, KillPoint point)
    {
        Assert.True(await Site[role].WaitForExitAsync(s_life), $"{Words.Of(point)} never fired: the {role} lives on.");
        Assert.Equal(ExitOfSigkill, Site[role].ExitCode);
    }

    internal Task WriteAsync() => Site.Lab.WriteAsync(Vm, Written, ++_seed, Cancel);

    /// <summary>Asks for an incremental; null when the primary server died over it.</summary>
    internal async Task<Job?> QueueAsync()
    {
        try
        {
            return (await Site.Api.Post<Page<Job>>($"policies/{PolicyName}/runs", new { schedule = Incremental, vm = Vm }, Cancel)).Items.Single();
        }
        catch (TroubleException gone) when (gone.Trouble.Retry)
        {
            return null;
        }
    }

    /// <summary>The newest job that the catalog knows.</summary>
    internal async Task<Job> NewestJobAsync() => (await Site.Api.List<Job>("jobs", Cancel)).MaxBy(j => j.Number)!;

    internal async Task<JobView> FollowAsync(Job job) => (await Site.FollowAsync([job], Cancel)).Single();

    /// <summary>Runs an incremental to its good end.</summary>
    internal async Task<ImageRecord> BackUpAsync()
    {
        await WriteAsync();
        var job = await QueueAsync();
        Assert.NotNull(job);
        return await EndsOkAsync([await FollowAsync(job)]);
    }

    /// <summary>A VM that nothing else in the matrix touches.</summary>
    internal const string Alone = "legacy";

    /// <summary>A full of that VM by a policy of its own.</summary>
    internal async Task<ImageRecord> BackUpAloneAsync(string vm)
    {
        await Site.Lab.WriteAsync(vm, Written, ++_seed, Cancel);
        await Site.Api.Post<PolicyView>("policies", new Policy(
            $"{PolicyName}-{vm}", BackupMethod.Wmi, Site.UnitName, [new VmSelection(Site.HostName, vm)], BlockLevelIncremental: true, ConsistencyPolicy.Crash,
            GuestBackupType.Copy, [new Schedule("full", ImageType.Full, null, new Retention(30, 100))]), Cancel);
        var job = Assert.Single(await Site.RunAsync($"{PolicyName}-{vm}", "full", vm, Cancel)).Job;
        Assert.True(job is { Outcome: JobOutcome.Ok, ImageId: not null }, $"{job.Outcome} {job.Trouble}");
        await Site.Lab.WriteAsync(vm, Written, ++_seed, Cancel);
        return await Site.Api.Get<ImageRecord>($"images/{job.ImageId}", Cancel);
    }

    internal Task<Job> RollBackAsync(ImageRecord image) => Site.Api.Post<Job>("restores/rollback", new { image = image.Id, host = Site.HostName }, Cancel);

    /// <summary>The VM once nothing of it merges.</summary>
    internal async Task<LabVm> MergedAsync(string name)
    {
        while (true)
        {
            var vm = await Site.Lab.VmAsync(name, Cancel);
            if (!vm.Merging) return vm;
            await Task.Delay(100, Cancel);
        }
    }

    /// <summary>The image of a job that ended well, as the catalog has it, and noted with the checkpoint that it was made of.</summary>
    internal async Task<ImageRecord> EndsOkAsync(IReadOnlyList<JobView> jobs)
    {
        var job = Assert.Single(jobs).Job;
        Assert.True(job is { Outcome: JobOutcome.Ok, ImageId: not null }, $"{job.Outcome} {job.Trouble} {string.Join(" ", job.Warnings)}");
        _checkpointOf[job.ImageId.Value] = (await Site.Lab.RecordsAsync(Vm, Cancel))[^1].CheckpointId;
        return await Site.Api.Get<ImageRecord>($"images/{job.ImageId}", Cancel);
    }

    /// <summary>Ids of all images in the catalog.</summary>
    internal async Task<IReadOnlyList<Guid>> ImagesAsync() => [.. (await Site.Api.List<ImageRecord>("images", Cancel)).Select(i => i.Id).Order()];

    /// <summary>Waits until the catalog holds so many images: it hears of those that no report told by asking the media server.</summary>
    internal async Task<IReadOnlyList<Guid>> ImagesAsync(int expected)
    {
        var since = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var images = await ImagesAsync();
            if (images.Count == expected) return images;
            Assert.True(TimeProvider.System.GetElapsedTime(since) < s_catchUp, $"the catalog has {images.Count} images, not {expected}.");
            await Task.Delay(100, Cancel);
        }
    }

    /// <summary>Nothing of ours is on the host but one reference point and the VMs that were restored well; what is another's is untouched.</summary>
    internal async Task HostIsClearAsync()
    {
        var vms = await Site.Lab.VmsAsync(Cancel);
        Assert.DoesNotContain(vms, v => v.Planned);
        Assert.Equal(_vms.Order(), vms.Select(v => v.Name).Order());
        var vm = vms.Single(v => v.Name == Vm);
        Assert.Equal(_foreignCheckpoint, Assert.Single(vm.Checkpoints).Id);
        Assert.Contains(_foreignPoint, vm.ReferencePoints.Select(r => r.Id));
        Assert.Single(vm.ReferencePoints, r => r.Id != _foreignPoint);
        Assert.False(vm.Merging);
        Assert.All(vms.Where(v => v.Name != Vm), v => Assert.True(v is { Checkpoints.Count: 0, ReferencePoints.Count: 0 }, v.Name));
        // The base and the foreign checkpoint's own child; another layer would be one of ours that did not merge.
        var layers = Directory.EnumerateFiles(Path.GetDirectoryName(Local(vm.Disks[0].Path))!, "*vhdx").Select(Path.GetFileName);
        Assert.True(layers.Count() == 2, string.Join(", ", layers));
    }

    /// <summary>Restores the image's disk and lets the lab hold it against its own record.</summary>
    internal async Task RestoresIdenticalAsync(ImageRecord image)
    {
        var target = $@"C:\Restored\{image.Id:N}.vhdx";
        var job = await Site.Api.Post<Job>("restores/disk", new { image = image.Id, disk = "0", file = target, host = Site.HostName }, Cancel);
        var view = await FollowAsync(job);
        Assert.True(view.Job.Outcome == JobOutcome.Ok, $"{view.Job.Trouble}");
        await IsIdenticalAsync(image, target);
        File.Delete(Local(target));
    }

    internal Task<Job> RestoreVmAsync(ImageRecord image, string name) =>
        Site.Api.Post<Job>("restores/vm", new { image = image.Id, host = Site.HostName, name }, Cancel);

    /// <summary>The VM came back, byte for byte, and is there to stay.</summary>
    internal async Task IsBackAsync(ImageRecord image, string name)
    {
        _vms.Add(name);
        await IsIdenticalAsync(image, Assert.Single((await Site.Lab.VmAsync(name, Cancel)).Disks).Path);
    }

    /// <summary>True while anything of a restored VM is on the host: a VM, planned or not, or a folder.</summary>
    internal async Task<bool> IsOnHostAsync(string name)
    {
        var vms = await Site.Lab.VmsAsync(Cancel);
        return Directory.Exists(Local($@"C:\VMs\{name}")) || vms.Any(v => v.Planned || v.Name == name);
    }

    /// <summary>Runs a command of the product and returns its exit code.</summary>
    internal static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(RoleProcess.Executable, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output + await errors);
    }

    private async Task IsIdenticalAsync(ImageRecord image, string hostPath)
    {
        var compared = await Site.Lab.CompareAsync(_checkpointOf[image.Id], 0, hostPath, Cancel);
        Assert.True(compared.Identical, $"{hostPath} differs from the lab's record at byte {compared.FirstDifferenceOffset}.");
    }

    private string Local(string hostPath) => Path.Combine([Drive, .. hostPath[@"C:\".Length..].Split('\\')]);
}
