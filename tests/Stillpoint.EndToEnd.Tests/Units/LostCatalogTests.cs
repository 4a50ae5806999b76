using System.Text.Json;
using Stillpoint.Demo;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>The keys and the catalog of a primary, through the roles.</summary>
[Trait("Kind", "Slow")]
public sealed class LostCatalogTests : IClassFixture<UnitSite>
{
    private readonly UnitSite _site;

    public LostCatalogTests(UnitSite site) => _site = site;

    private static CancellationToken Cancel => UnitSite.Cancel;

    [Fact]
    public async Task A_rotation_reaches_the_next_job_and_a_lost_catalog_is_made_again_from_the_unit()
    {
        // 1. Two VMs; the primary keeps their key under its passphrase.
        var first = new[] { await _site.BackUpAsync("app", "full"), await _site.BackUpAsync("till", "full") };
        Assert.Contains(" wrapped 0 ", await File.ReadAllTextAsync(_site.Site.KeyFile, Cancel), StringComparison.Ordinal);

        // 2. A rotation by the primary's command: the next job seals under the new epoch, what is old restores.
        var rotated = Assert.Single((await _site.CliAsync("key-domain", "rotate", Site.HostName)).EnumerateArray().ToList());
        Assert.Equal((1, true), (rotated.GetProperty("epoch").GetInt32(), rotated.GetProperty("locked").GetBoolean()));
        Assert.Equal([(0, 2)], await EpochsAsync());
        var second = await _site.BackUpAsync("app", "inc");
        Assert.Equal(ImageType.DifferentialIncremental, second.Type);
        Assert.Equal([(0, 2), (1, 1)], await EpochsAsync());
        foreach (var image in (ImageRecord[])[.. first, second]) await _site.RestoresAsync(image.Id);

        // 3. The catalog is lost; authority, keys and unit are not.
        await LoseCatalogAsync();
        Assert.Empty((await _site.CliAsync("image", "list")).EnumerateArray());
        var report = await _site.CliAsync("storage-unit", "rebuild", Site.UnitName);
        Assert.Equal((3, 3, 0), (Number(report, "images"), Number(report, "listed"), Number(report, "unnamed")));
        var listed = await _site.Site.Api.List<ImageRecord>("images", Cancel);
        foreach (var image in (ImageRecord[])[.. first, second])
        {
            var again = listed.Single(i => i.Id == image.Id);
            Assert.Equal((image.Vm, Site.HostName, image.KeyDomain, image.JobId, image.Type), (again.Vm, again.Host, again.KeyDomain, again.JobId, again.Type));
            Assert.Equal(image.Disks.Select(d => d with { FullReason = null }), again.Disks.Select(d => d with { FullReason = null }));
            await _site.RestoresAsync(image.Id);
        }
        Assert.Equal((0, 3), (Number(await RebuildAsync(), "listed"), Number(await RebuildAsync(), "refreshed")));
        // And the next incremental builds on what was listed again.
        await _site.PolicyAsync();
        Assert.Equal(ImageType.DifferentialIncremental, (await _site.BackUpAsync("app", "inc")).Type);

        // 4. Lost with the key: what can be read is listed, nothing restores, and no new key takes the place of the old one.
        var key = _site.Site.KeyFile;
        File.Move(key, Path.Combine(_site.Root, "kept.key"));
        await LoseCatalogAsync();
        report = await RebuildAsync();
        Assert.Equal((4, 4, 1), (Number(report, "listed"), Number(report, "unnamed"), report.GetProperty("domains").GetArrayLength()));
        listed = await _site.Site.Api.List<ImageRecord>("images", Cancel);
        // The host's inventory knows the VMs, so these have a name all the same.
        Assert.Equal(["app", "app", "app", "till"], listed.Select(i => i.Vm).Order());
        var refused = await _site.SayAsync("restore", "disk", second.Id.ToString(), "0", @"C:\Restored\none.vhdx", "--host", Site.HostName, "--wait");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("no key for it", refused.All, StringComparison.Ordinal);
        Assert.False(File.Exists(key));

        // 5. The key comes back from a copy.
        File.Move(Path.Combine(_site.Root, "kept.key"), key);
        Assert.Equal((4, 0), (Number(await RebuildAsync(), "refreshed"), Number(await RebuildAsync(), "unnamed")));
        await _site.RestoresAsync(second.Id);
    }

    private Task<JsonElement> RebuildAsync() => _site.CliAsync("storage-unit", "rebuild", Site.UnitName);

    private async Task LoseCatalogAsync()
    {
        await _site.Site.LoseCatalogAsync(new Dictionary<string, string> { ["STILLPOINT_PASSPHRASE_FILE"] = _site.Words }, Cancel);
        await _site.TokenAsync();
        await _site.Site.CreateUnitAsync(Cancel);
        await _site.Site.VmsAsync(Cancel);
    }

    private async Task<IEnumerable<(int, int)>> EpochsAsync()
    {
        var shown = await _site.CliAsync("store", "keys", "show", _site.Site.UnitFolder, "--key-file", _site.Site.KeyFile);
        return shown.GetProperty("epochs").EnumerateArray().Select(e => (Number(e, "epoch"), Number(e, "images")));
    }

    private static int Number(JsonElement of, string name) => of.GetProperty(name).GetInt32();
}
