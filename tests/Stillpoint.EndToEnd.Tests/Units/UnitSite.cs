using System.Text.Json;
using Stillpoint.Demo;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>A site with two small VMs, <c>app</c> and <c>till</c>, whose primary loses its catalog, turns its keys and decides what may be deleted.</summary>
public sealed class UnitSite : IAsyncLifetime
{
    /// <summary>The policy of both VMs.</summary>
    public const string PolicyName = "nightly";

    private const int DiskSize = 4 << 20;
    private readonly Dictionary<Guid, Guid> _checkpointOf = [];
    private int _seed;

    internal Site Site { get; private set; } = null!;

    /// <summary>Folder of everything.</summary>
    internal string Root { get; } = Directory.CreateTempSubdirectory("stillpoint-units-").FullName;

    internal static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>File of the passphrase that locks the primary's key store.</summary>
    internal string Words => Path.Combine(Root, "words");

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(Words, "four words make it\n", Cancel);
        Site = Site.In(Path.Combine(Root, "site"));
        await SiteScripts.StartLabAsync(Site, [$"app={Disk("app", 1)}", $"till={Disk("till", 2)}"], StartPrimaryAsync, Cancel);
        await Task.WhenAll(Site.StartMediaAsync(null, Cancel), Site.StartClientAsync(null, Cancel));
        await Site.CreateUnitAsync(Cancel);
        await Site.VmsAsync(Cancel);
        await TokenAsync();
        await PolicyAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Site is not null) await Site.DisposeAsync();
        Directory.Delete(Root, recursive: true);
    }

    /// <summary>The primary, its key store locked by a passphrase.</summary>
    internal Task StartPrimaryAsync() => Site.StartPrimaryAsync(new Dictionary<string, string> { ["STILLPOINT_PASSPHRASE_FILE"] = Words }, Cancel);

    internal Task TokenAsync() => SiteScripts.TokenAsync(Site, Root, Cancel);

    internal Task PolicyAsync()
    {
        var keep = new Retention(30, 2);
        return Site.Api.Post<PolicyView>("policies", new Policy(
            PolicyName, BackupMethod.Wmi, Site.UnitName, [], true, ConsistencyPolicy.Crash, GuestBackupType.Copy,
            [new Schedule("full", ImageType.Full, null, keep), new Schedule("inc", ImageType.DifferentialIncremental, null, keep)]), Cancel);
    }

    /// <summary>A command over the REST interface, which must succeed: its JSON.</summary>
    internal async Task<JsonElement> CliAsync(params string[] arguments)
    {
        var said = await SayAsync([.. arguments, "--output", "json"]);
        Assert.True(said.ExitCode == 0, $"{string.Join(' ', arguments)}: {said.All}");
        return JsonDocument.Parse(said.Out).RootElement;
    }

    /// <summary>A command, as a script gives it.</summary>
    internal Task<Said> SayAsync(params string[] arguments) => CommandLine.StillpointAsync(
        new Dictionary<string, string>(SiteScripts.Environment(Site, Root)) { ["STILLPOINT_PASSPHRASE_FILE"] = Words }, arguments);

    /// <summary>Writes into a VM and backs it up.</summary>
    internal async Task<ImageRecord> BackUpAsync(string vm, string schedule)
    {
        await Site.Lab.WriteAsync(vm, 256 << 10, ++_seed, Cancel);
        var view = Assert.Single(await Site.RunAsync(PolicyName, schedule, vm, Cancel));
        Assert.True(view.Job.Outcome == JobOutcome.Ok, $"{vm} {schedule}: {view.Job.Trouble}");
        _checkpointOf[view.Job.ImageId!.Value] = (await Site.Lab.RecordsAsync(vm, Cancel))[^1].CheckpointId;
        return await Site.Api.Get<ImageRecord>($"images/{view.Job.ImageId}", Cancel);
    }

    /// <summary>Restores the disk of an image; the lab holds it against its own record of the checkpoint.</summary>
    internal async Task RestoresAsync(Guid image)
    {
        var file = $@"C:\Restored\{image:N}-{++_seed}.vhdx";
        var job = await Site.Api.Post<Job>("restores/disk", new { image, host = Site.HostName, disk = "0", file }, Cancel);
        var view = Assert.Single(await Site.FollowAsync([job], Cancel));
        Assert.True(view.Job.Outcome == JobOutcome.Ok, $"restore of {image}: {view.Job.Trouble}");
        var found = await Site.Lab.CompareAsync(_checkpointOf[image], 0, file, Cancel);
        Assert.True(found.Identical, $"image {image}: the first difference is at {found.FirstDifferenceOffset}");
    }

    private string Disk(string name, int seed) => SiteScripts.RandomDisk(Root, name, DiskSize, seed);
}
