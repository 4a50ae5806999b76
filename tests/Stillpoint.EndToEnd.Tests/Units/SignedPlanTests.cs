using Stillpoint.Demo;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>A unit that is attached to its primary, through the roles and past them.</summary>
[Trait("Kind", "Slow")]
public sealed class SignedPlanTests : IClassFixture<UnitSite>
{
    private readonly UnitSite _site;

    public SignedPlanTests(UnitSite site) => _site = site;

    private static CancellationToken Cancel => UnitSite.Cancel;

    private string Unit => _site.Site.UnitFolder;

    [Fact]
    public async Task An_attached_unit_deletes_by_its_primarys_plans_only_until_it_is_detached()
    {
        var images = new List<ImageRecord>();
        foreach (var schedule in (string[])["full", "inc", "inc", "full"]) images.Add(await _site.BackUpAsync("app", schedule));
        await _site.CliAsync("storage-unit", "attach", Site.UnitName);

        // 1. Past the primary nothing goes, also for who holds the key.
        var before = Directory.GetFiles(Unit, "*", SearchOption.AllDirectories).Length;
        foreach (var offline in (string[][])[["prune", Unit, "--keep-last", "1"], ["collect", Unit], ["expire", Unit, images[0].Id.ToString()]])
        {
            var refused = await _site.SayAsync(["store", .. offline]);
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains("deletes only by a plan that it signed", refused.All, StringComparison.Ordinal);
        }
        Assert.Equal(before, Directory.GetFiles(Unit, "*", SearchOption.AllDirectories).Length);

        // 2. By the primary: first as a question, then for good, then the space.
        // The images are of today, and the policy promises to keep them for days: without force no plan is signed and nothing goes.
        var unforced = await _site.CliAsync("storage-unit", "prune", Site.UnitName, "--keep-last", "3", "--dry-run");
        Assert.True(!unforced.TryGetProperty("signature", out var none) || none.ValueKind == System.Text.Json.JsonValueKind.Null);
        var promised = await _site.SayAsync("storage-unit", "prune", Site.UnitName, "--keep-last", "3");
        Assert.NotEqual(0, promised.ExitCode);
        Assert.Contains("--force", promised.All, StringComparison.Ordinal);
        var asked = await _site.CliAsync("storage-unit", "prune", Site.UnitName, "--keep-last", "3", "--vm", "app", "--dry-run", "--force");
        Assert.True(asked.TryGetProperty("signature", out _));
        Assert.Equal(4, (await _site.Site.Api.List<ImageRecord>("images", Cancel)).Count);
        var pruned = await _site.CliAsync("storage-unit", "prune", Site.UnitName, "--keep-last", "3", "--force");
        Assert.Equal([images[0].Id], pruned.GetProperty("expired").EnumerateArray().Select(e => e.GetGuid()));
        Assert.Equal(images.Skip(1).Select(i => i.Id).Order(), (await _site.Site.Api.List<ImageRecord>("images", Cancel)).Select(i => i.Id).Order());
        var collected = await _site.CliAsync("storage-unit", "collect", Site.UnitName, "--wait");
        Assert.Equal(1, collected.GetProperty("report").GetProperty("imagesRemoved").GetInt32());
        foreach (var image in images.Skip(1)) await _site.RestoresAsync(image.Id);

        // 3. The primary's key outlives the primary's process; a plan for the offline command is as good, an altered one is not.
        await _site.Site.KillAsync("primary");
        await _site.StartPrimaryAsync();
        await ConnectedAsync();
        var next = await _site.CliAsync("storage-unit", "prune", Site.UnitName, "--keep-last", "2", "--force");
        Assert.Equal(1, next.GetProperty("expired").GetArrayLength());
        var plan = Path.Combine(_site.Root, "plan.json");
        await _site.CliAsync("storage-unit", "collect", Site.UnitName, "--export", plan);
        var altered = Path.Combine(_site.Root, "altered.json");
        await File.WriteAllTextAsync(
            altered, (await File.ReadAllTextAsync(plan, Cancel)).Replace(images[1].Id.ToString(), images[2].Id.ToString(), StringComparison.Ordinal), Cancel);
        Assert.Contains("not signed by the primary", (await _site.SayAsync("store", "collect", Unit, "--plan", altered)).All, StringComparison.Ordinal);
        await _site.CliAsync("key-domain", "rotate", Site.HostName);
        var offlineCollect = await _site.CliAsync("store", "collect", Unit, "--plan", plan, "--key-file", _site.Site.KeyFile);
        Assert.True(offlineCollect.GetProperty("packsResealed").GetInt32() > 0);
        foreach (var image in images.Skip(2)) await _site.RestoresAsync(image.Id);

        // 4. The glass can be broken, and that stays in the unit.
        Assert.Equal(0, (await _site.SayAsync("store", "collect", Unit, "--break-glass", "a drill")).ExitCode);
        Assert.Single(Directory.GetFiles(Path.Combine(Unit, "broken-glass")));

        // 5. Detached, the unit is its owner's again.
        await _site.CliAsync("storage-unit", "detach", Site.UnitName);
        Assert.Equal(0, (await _site.SayAsync("store", "prune", Unit, "--keep-last", "1")).ExitCode);
        await _site.RestoresAsync(images[3].Id);
        Assert.Contains("storage-unit.detach", (await _site.SayAsync("audit", "list")).Out, StringComparison.Ordinal);
    }

    /// <summary>Waits until the media server found the primary again.</summary>
    private async Task ConnectedAsync()
    {
        while ((await _site.Site.Api.List<StorageUnitView>("storage-units", Cancel)).Any(u => !u.Connected)) await Task.Delay(100, Cancel);
        await _site.Site.VmsAsync(Cancel);
        while ((await _site.Site.Api.List<HostView>("hosts", Cancel)).Any(h => !h.Connected)) await Task.Delay(100, Cancel);
    }
}
