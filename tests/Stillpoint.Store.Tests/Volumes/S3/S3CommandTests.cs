using System.Text.Json;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>The store commands on a bucket: the whole round, and killed dead in between.</summary>
[Collection(RgwTests.Name)]
[Trait("Kind", "Slow")]
public sealed class S3CommandTests(Rgw rgw) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-s3-").FullName;
    private readonly string? _command = Checkout.Command();

    [Fact]
    public async Task A_round_trip_on_a_bucket_and_killed_at_each_point()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var unit = (await rgw.BucketAsync()).ToString();
        Assert.Contains("there is none", (await RunAsync(1, "store", "images", unit)).Error, StringComparison.Ordinal);
        await RunAsync(0, "store", "init", unit);
        Assert.Contains("there is one already", (await RunAsync(1, "store", "init", unit)).Error, StringComparison.Ordinal);
        var disk = Disks.Make(24 << 20, seed: 1, share: 0.8);
        var path = In("disk.raw");
        await File.WriteAllBytesAsync(path, disk);
        await RunAsync(0, "store", "backup", unit, path, "--vm", "web");

        // An incremental sends what changed.
        Disks.Fill(disk.AsSpan(5 << 20, 1 << 20), new Random(2));
        await File.WriteAllBytesAsync(path, disk);
        await File.WriteAllTextAsync(In("changed"), $"{5 << 20} {1 << 20}\n");
        var incremental = await RunAsync(0, "store", "backup", unit, path, "--vm", "web", "--base", "latest", "--changed", In("changed"), "--output",
            "json");
        using (var json = JsonDocument.Parse(incremental.Out))
            Assert.Equal(1 << 20, json.RootElement.GetProperty("disks")[0].GetProperty("bytesSent").GetInt64());
        await ExpectAsync(unit, 2, disk);

        // Killed, nothing is half there, and the next backup works.
        var images = 2;
        foreach (var (point, committed) in new[] { ("pack-durable", false), ("commit-put", true) })
        {
            Disks.Fill(disk.AsSpan(images << 20, 1 << 20), new Random(images));
            await File.WriteAllBytesAsync(path, disk);
            await RunAsync(137, point, "store", "backup", unit, path, "--vm", "web");
            if (committed) images++;
            await ExpectAsync(unit, images, committed ? disk : null);
        }
        await RunAsync(0, "store", "backup", unit, path, "--vm", "web");
        await ExpectAsync(unit, images + 1, disk);
    }

    /// <summary>Uploads that stall, or a server that answers nothing any more: neither keeps a backup that is interrupted.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_interrupted_backup_ends_without_the_servers_answers_and_no_collect_waits_for_it(bool all)
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "signals are sent by kill");
        var address = await rgw.BucketAsync();
        var unit = address.ToString();
        await RunAsync(0, "store", "init", unit);
        await File.WriteAllBytesAsync(In("disk.raw"), Disks.Make(40 << 20, seed: 1, share: 1));
        await using var proxy = new CuttingProxy(rgw.Port);
        var dead = false;
        proxy.Stall = head => Volatile.Read(ref dead) || head.Contains("partNumber=", StringComparison.Ordinal);
        // Tests that run in the background inherit an ignored SIGINT, and so would the command.
        using var process = CommandLine.Start("env", In("key"), null,
            ["--default-signal=INT", _command, "store", "backup", unit.Replace($":{rgw.Port}/", $":{proxy.Endpoint.Port}/", StringComparison.Ordinal), In("disk.raw"), "--vm", "web"]);
        var error = process.StandardError.ReadToEndAsync();
        while (proxy.Stalls == 0)
        {
            Assert.False(process.HasExited, "the backup was over before it could be stopped");
            await Task.Delay(5);
        }
        Volatile.Write(ref dead, all);
        using (var kill = System.Diagnostics.Process.Start("kill", ["-INT", $"{process.Id}"])) await kill.WaitForExitAsync();
        await process.WaitForExitAsync();
        Assert.Equal(130, process.ExitCode);
        Assert.EndsWith("error: interrupted.\nnext: Run the backup again: it sends only what the unit does not have yet\n", await error, StringComparison.Ordinal);
        if (all) return;

        // The session is over for whoever comes next.
        Assert.DoesNotContain("waiting for", (await RunAsync(0, "store", "collect", unit)).Error, StringComparison.Ordinal);
        await RunAsync(0, "store", "backup", unit, In("disk.raw"), "--vm", "web");
        await RunAsync(0, "store", "verify", unit);
    }

    [Fact]
    public async Task Without_credentials_it_says_where_they_come_from()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        var start = CommandLine.Start(_command, In("key"), null, new Dictionary<string, string?> { ["AWS_ACCESS_KEY_ID"] = null, ["HOME"] = _folder },
            "store", "images", "s3+http://127.0.0.1:9/bucket");
        Assert.Contains("AWS_ACCESS_KEY_ID", await start.StandardError.ReadToEndAsync(), StringComparison.Ordinal);
        await start.WaitForExitAsync();
        Assert.Equal(1, start.ExitCode);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string In(string name) => Path.Combine(_folder, name);

    private async Task ExpectAsync(string unit, int images, byte[]? latest)
    {
        using (var list = JsonDocument.Parse((await RunAsync(0, "store", "images", unit, "--output", "json")).Out))
            Assert.Equal(images, list.RootElement.GetArrayLength());
        await RunAsync(0, "store", "verify", unit);
        if (latest is null) return;
        await RunAsync(0, "store", "restore", unit, "latest", In("restored.raw"));
        var restored = await File.ReadAllBytesAsync(In("restored.raw"));
        Assert.True(latest.AsSpan().SequenceEqual(restored));
        File.Delete(In("restored.raw"));
    }

    private Task<(string Out, string Error)> RunAsync(int code, params string[] arguments) =>
        RunAsync(code, code == 137 ? arguments[0] : null, code == 137 ? arguments[1..] : arguments);

    private async Task<(string Out, string Error)> RunAsync(int code, string? killAt, string[] arguments)
    {
        using var process = CommandLine.Start(_command!, In("key"), killAt, arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == code, $"{string.Join(' ', arguments)}: {process.ExitCode}, {error}");
        return (await output, error);
    }
}
