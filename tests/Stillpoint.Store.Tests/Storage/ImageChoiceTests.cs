using System.Text.Json;

namespace Stillpoint.Store.Tests;

/// <summary>Which image a command takes for the one that was meant: <c>latest</c> is of one VM, and a key opens its own domain only.</summary>
[Trait("Kind", "Slow")]
public sealed class ImageChoiceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-choice-").FullName;
    private readonly string? _command = Checkout.Command();

    [Fact]
    public async Task Latest_of_several_VMs_is_refused_until_the_VM_is_named()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var (web, _) = await MakeAsync("web", seed: 1);
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In("alone.raw"))).Code);
        var (mail, disk) = await MakeAsync("mail", seed: 2);

        string[][] commands =
        [
            ["restore", In("u"), "latest", In("r.raw")], ["hold", In("u"), "latest"], ["hold", In("u"), "latest", "--release"],
            ["lock", In("u"), "latest", "--until", "2100-01-01"], ["verify", In("u"), "--image", "latest"], ["expire", In("u"), "latest"],
            ["duplicate", In("u"), In("u"), "--image", "latest"],
        ];
        foreach (var command in commands)
        {
            var refused = await RunAsync(["store", .. command]);
            Assert.Equal(1, refused.Code);
            Assert.Contains("latest of which VM? There are images of 2: mail, web.", refused.Error, StringComparison.Ordinal);
            Assert.Contains("next: Name the VM: --vm NAME", refused.Error, StringComparison.Ordinal);
        }
        Assert.False(File.Exists(In("r.raw")));
        // Without a key there are no names, and the ids do.
        var byId = await CommandLine.RunAsync(_command!, "", "store", "hold", In("u"), "latest");
        Assert.Contains(web.GetProperty("vmId").GetString()!, byId.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await CommandLine.RunAsync(_command!, "", "store", "hold", In("u"), "latest", "--vm", web.GetProperty("vmId").GetString()!)).Code);

        var restored = await RunAsync("store", "restore", In("u"), "latest", In("r.raw"), "--vm", "mail");
        Assert.Equal(0, restored.Code);
        Assert.Contains($"image {Id(mail)} of mail, {mail.GetProperty("created").GetDateTimeOffset():u}", restored.Output, StringComparison.Ordinal);
        Assert.Equal(disk, await File.ReadAllBytesAsync(In("r.raw")));
        var json = JsonDocument.Parse((await RunAsync("store", "restore", In("u"), "latest", In("w.raw"), "--vm", "web", "--output", "json")).Output).RootElement;
        Assert.Equal((Id(web), "web"), (json.GetProperty("image").GetString(), json.GetProperty("vm").GetString()));
        Assert.Equal(web.GetProperty("created").GetDateTimeOffset(), json.GetProperty("created").GetDateTimeOffset());
        var locked = await RunAsync("store", "lock", In("u"), "latest", "--vm", "mail", "--until", "2100-01-01");
        Assert.Contains($"image {Id(mail)} is not held, locked until 2100-01-01", locked.Output, StringComparison.Ordinal);
        Assert.Contains(Id(web)!, (await RunAsync("store", "verify", In("u"), "--image", "latest", "--vm", "web", "--output", "json")).Output, StringComparison.Ordinal);

        Assert.Equal(10, (await RunAsync("store", "restore", In("u"), "latest", In("x.raw"), "--vm", "none")).Code);
        Assert.Contains(
            "no image of VM web begins with", (await RunAsync("store", "restore", In("u"), Id(mail)!, In("x.raw"), "--vm", "web")).Error, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync("store", "verify", In("u"), "--vm", "web")).Code);
    }

    [Fact]
    public async Task A_key_of_another_domain_is_named_as_what_is_wrong()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var (web, _) = await MakeAsync("web", seed: 1);
        Assert.Equal(0, (await RunAsync("store", "init", In("other"), "--no-kit", "--key-file", In("key2"))).Code);
        var byId = await RunAsync("store", "restore", In("u"), Id(web)![..8], In("r.raw"), "--key-file", In("key2"));
        Assert.Equal(1, byId.Code);
        Assert.Contains($"image {Id(web)} belongs to another key domain", byId.Error, StringComparison.Ordinal);
        Assert.Contains("next: Give the key file that it was made with", byId.Error, StringComparison.Ordinal);
        var latest = await RunAsync("store", "restore", In("u"), "latest", In("r.raw"), "--key-file", In("key2"));
        Assert.Contains("the only image belongs to another key domain than the key", latest.Error, StringComparison.Ordinal);

        var second = await RunAsync("store", "backup", In("u"), In("web.raw"), "--vm", "web", "--key-file", In("key2"));
        Assert.Equal(0, second.Code);
        Assert.Contains("warning: all that", second.Error, StringComparison.Ordinal);
        Assert.Contains("belongs to another key domain than this key file's", second.Error, StringComparison.Ordinal);
        Assert.Contains("store import UNIT --key-file FILE", second.Error, StringComparison.Ordinal);
        // It is among its own now, and so was the first from the beginning.
        foreach (var key in new[] { "key", "key2" })
        {
            Assert.DoesNotContain(
                "key domain", (await RunAsync("store", "backup", In("u"), In("web.raw"), "--vm", "web", "--key-file", In(key))).Error, StringComparison.Ordinal);
            Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In($"{key}.raw"), "--key-file", In(key))).Code);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string? Id(JsonElement image) => image.GetProperty("id").GetString();

    private string In(string name) => Path.Combine(_folder, name);

    /// <summary>Backs a disk of its own up as a VM; the unit is made with the first.</summary>
    private async Task<(JsonElement Image, byte[] Disk)> MakeAsync(string vm, int seed, string key = "key")
    {
        if (!Directory.Exists(In("u"))) Assert.Equal(0, (await RunAsync("store", "init", In("u"), "--no-kit")).Code);
        var disk = Disks.Make(1 << 20, seed, share: 1);
        await File.WriteAllBytesAsync(In($"{vm}.raw"), disk);
        var (code, output, error) = await RunAsync("store", "backup", In("u"), In($"{vm}.raw"), "--vm", vm, "--key-file", In(key), "--output", "json");
        Assert.True(code == 0, error);
        return (JsonDocument.Parse(output).RootElement, disk);
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) => CommandLine.RunAsync(_command!, In("key"), arguments);
}
