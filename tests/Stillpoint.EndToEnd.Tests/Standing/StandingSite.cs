using System.Security.Cryptography;
using Stillpoint.Demo;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>One site that the cases share: its start costs more than a backup. The lab has its three furnished VMs and, on raw disks of
/// random bytes, <c>app</c> and <c>till</c>, which are small enough that the tracking audit looks at every chunk outside a change list.</summary>
public sealed class StandingSite : IAsyncLifetime
{
    /// <summary>Bytes of the disks of <c>app</c> and <c>till</c>: 256 chunks, as many as the audit's sample.</summary>
    public const int SmallDisk = 16 << 20;

    private readonly HashSet<string> _policies = [];

    /// <summary>The processes.</summary>
    internal Site Site { get; private set; } = null!;

    /// <summary>Folder of everything.</summary>
    internal string Root { get; private set; } = "";

    internal LabClient Lab => Site.Lab;

    internal static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Root = Directory.CreateTempSubdirectory("stillpoint-standing-").FullName;
        Site = Site.In(Path.Combine(Root, "site"));
        await SiteScripts.StartLabAsync(
            Site, [$"app={RandomDisk("app", 1)}", $"till={RandomDisk("till", 2)}"], () => Site.StartPrimaryAsync(null, Cancel), Cancel);
        await Task.WhenAll(Site.StartMediaAsync(null, Cancel), Site.StartClientAsync(null, Cancel));
        await Site.CreateUnitAsync(Cancel);
        await Site.VmsAsync(Cancel);
        await SiteScripts.TokenAsync(Site, Root, Cancel);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Site is not null) await Site.DisposeAsync();
        Directory.Delete(Root, recursive: true);
    }

    /// <summary>A command over the REST interface, as a script gives it.</summary>
    internal Task<Said> CliAsync(params string[] arguments) => CommandLine.StillpointAsync(SiteScripts.Environment(Site, Root), arguments);

    /// <summary>A policy with the schedules <c>full</c>, <c>inc</c> and <c>cum</c>, made at the first call.</summary>
    internal async Task PolicyAsync(
        string name, IReadOnlyList<string> vms, ConsistencyPolicy consistency = ConsistencyPolicy.Crash, string unit = Site.UnitName)
    {
        if (_policies.Add(name)) await Site.Api.Post<PolicyView>("policies", Policy(name, vms, consistency, unit), Cancel);
    }

    /// <summary>What <see cref="PolicyAsync"/> creates.</summary>
    internal static Policy Policy(
        string name, IReadOnlyList<string> vms, ConsistencyPolicy consistency = ConsistencyPolicy.Crash, string unit = Site.UnitName)
    {
        var keep = new Retention(30, 2);
        return new Policy(name, BackupMethod.Wmi, unit, [.. vms.Select(v => new VmSelection(Site.HostName, v))], true, consistency,
            GuestBackupType.Copy,
            [
                new Schedule("full", ImageType.Full, null, keep), new Schedule("inc", ImageType.DifferentialIncremental, null, keep),
                new Schedule("cum", ImageType.CumulativeIncremental, null, keep),
            ]);
    }

    /// <summary>Runs a policy for one VM; the job must end well.</summary>
    internal async Task<(Job Job, ImageRecord Image)> BackupAsync(string policy, string schedule, string vm)
    {
        var view = Assert.Single(await Site.RunAsync(policy, schedule, vm, Cancel));
        Assert.True(view.Job.Outcome == JobOutcome.Ok, $"{policy} {schedule} {vm}: {view.Job.Outcome} {view.Job.Trouble}");
        return (view.Job, await Site.Api.Get<ImageRecord>($"images/{view.Job.ImageId}", Cancel));
    }

    /// <summary>The newest job of a policy for a VM.</summary>
    internal async Task<JobView> NewestJobAsync(string policy, string vm)
    {
        var jobs = await Site.Api.List<Job>($"jobs?policy={policy}", Cancel, most: 50);
        return await Site.Api.Get<JobView>($"jobs/{jobs.First(j => j.VmName == vm).Id}", Cancel);
    }

    /// <summary>Restores a disk; the job must end well.</summary>
    /// <returns>Host path of the file.</returns>
    internal async Task<string> RestoreDiskAsync(Guid image, int disk, string ending)
    {
        var file = $@"C:\Restored\{image:N}-{disk}{ending}";
        var job = await Site.Api.Post<Job>("restores/disk",
            new { image = image.ToString(), host = Site.HostName, disk = disk.ToString(), file }, Cancel);
        var view = Assert.Single(await Site.FollowAsync([job], Cancel));
        Assert.True(view.Job.Outcome == JobOutcome.Ok, $"restore of disk {disk}: {view.Job.Trouble}");
        return file;
    }

    /// <summary>Restores a VM by the command line; it must come back, off.</summary>
    internal async Task<LabVm> RestoreVmAsync(ImageRecord image, string name)
    {
        var said = await CliAsync("restore", "vm", image.Id.ToString(), "--host", Site.HostName, "--name", name, "--wait");
        Assert.True(said.ExitCode == 0, said.All);
        var vm = await Lab.VmAsync(name, Cancel);
        Assert.False(vm.Planned);
        Assert.Equal("off", vm.State);
        return vm;
    }

    /// <summary>Restores a disk of the image that was just made and has the lab hold it against its own record of that checkpoint.</summary>
    internal async Task AssertRestoresAsync(ImageRecord image, int disk = 0)
    {
        var record = (await Lab.RecordsAsync(image.Vm, Cancel))[^1];
        var file = await RestoreDiskAsync(image.Id, disk, ".vhdx");
        var found = await Lab.CompareAsync(record.CheckpointId, disk, file, Cancel);
        Assert.True(found.Identical, $"image {image.Id} of {image.Vm}, disk {disk}: the first difference is at {found.FirstDifferenceOffset}");
        File.Delete(Local(file));
    }

    /// <summary>Where a host path of the lab lies here.</summary>
    internal string Local(string hostPath) =>
        Path.Combine(Site.Root, "lab", "C", hostPath[@"C:\".Length..].Replace('\\', Path.DirectorySeparatorChar));

    /// <summary>The host as another product sees it, logged in to with the same account.</summary>
    internal IHyperVHost OpenHost()
    {
        var lab = Site["lab"];
        string Secret(string name) => File.ReadAllText(Path.Combine(lab.Data, name)).Trim();
        return HyperVHostFactory.Create(
            new HyperVHostOptions(new Uri(lab.Endpoint("wsman")), "Administrator", Secret("password"), Secret("certificate.sha256")),
            TimeProvider.System, Guid.NewGuid);
    }

    /// <summary>Every planned fault must have come as often as it was asked for.</summary>
    internal async Task AssertFaultsFiredAsync()
    {
        foreach (var fault in await Lab.FaultsAsync(Cancel))
            Assert.True(fault.Fired == fault.Count, $"fault {fault.Name} on {fault.Vm} was planned {fault.Count} times and fired {fault.Fired} times");
    }

    /// <summary>The committed images of a unit, by file: name and hash.</summary>
    internal static SortedDictionary<string, string> ImagesIn(string unitFolder)
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var folder = Path.Combine(unitFolder, "images");
        // A unit that never had an image has no such folder.
        if (!Directory.Exists(folder)) return files;
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            files[Path.GetRelativePath(unitFolder, file)] = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
        return files;
    }

    /// <summary>A raw disk of random bytes.</summary>
    internal string RandomDisk(string name, int seed) => SiteScripts.RandomDisk(Root, name, SmallDisk, seed);
}

/// <summary>The cases that share the site run one after another.</summary>
[CollectionDefinition(Name)]
public sealed class OnTheStandingSite : ICollectionFixture<StandingSite>
{
    public const string Name = "on the standing site";
}
