using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Amazon.S3.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>The real command under a clock that is 400 days ahead, or behind: no lock ends by it.</summary>
[Collection(RgwTests.Name)]
[Trait("Kind", "Slow")]
public sealed class LockClockTests(Rgw rgw) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-clock-").FullName;
    private readonly string? _command = Checkout.Command();
    private string? _faketime;

    [Fact]
    public async Task On_a_directory_nothing_goes_before_its_date()
    {
        Need();
        var unit = In("unit");
        await RunAsync(0, null, "store", "init", unit, "--no-kit");
        var locked = await PrepareAsync(unit);
        var before = Files(unit);
        await RefusedAsync(unit, locked);
        foreach (var (name, hash) in before) Assert.Equal(hash, Files(unit).GetValueOrDefault(name));

        // Nor by what is written under such a clock, which proves a month and no more.
        await RunAsync(0, "+400d", "store", "backup", unit, In("disk.raw"), "--vm", "web");
        await RunAsync(11, "+400d", "store", "expire", unit, locked, "--break-glass", "because");
        await RestoresAsync(unit, locked);
    }

    [Fact]
    public async Task In_a_bucket_nothing_goes_before_its_date_and_locks_are_as_long_as_they_were_meant()
    {
        Need();
        var address = await rgw.BucketAsync(locked: true);
        var unit = address.ToString();
        await RunAsync(0, null, "store", "init", unit, "--no-kit", "--lock-days", "8");
        var locked = await PrepareAsync(unit);
        var before = await VersionsAsync(address);
        await RefusedAsync(unit, locked);
        var there = (await VersionsAsync(address)).ToHashSet();
        Assert.All(before.Where(v => UnitNames.IsLocked(v.Key)), version => Assert.Contains(version, there));

        Assert.Contains("are locked for 8 days from now and more, ", (await RunAsync(0, null, "store", "renew", unit)).Out, StringComparison.Ordinal);

        // Whatever the host's clock says, what is written now is locked for 10 days from now, by the server's.
        foreach (var clock in new[] { "+400d", "-400d" })
        {
            var known = (await VersionsAsync(address)).ToHashSet();
            await File.WriteAllBytesAsync(In("disk.raw"), Disks.Make(2 << 20, seed: clock.GetHashCode(StringComparison.Ordinal), share: 1));
            await RunAsync(0, clock, "store", "backup", unit, In("disk.raw"), "--vm", "web");
            using var client = rgw.Client();
            var written = (await VersionsAsync(address)).Where(v => !known.Contains(v) && UnitNames.IsLocked(v.Key)).ToList();
            Assert.True(written.Count >= 3);
            foreach (var version in written)
            {
                var retention = await client.GetObjectRetentionAsync(
                    new GetObjectRetentionRequest { BucketName = address.Bucket, Key = address.Prefix + version.Key, VersionId = version.Version });
                var left = retention.Retention.RetainUntilDate!.Value.ToUniversalTime() - DateTime.UtcNow;
                Assert.InRange(left, TimeSpan.FromDays(9.9), TimeSpan.FromDays(10.1));
            }
        }
        // The unit's own lock is as long as it was meant too: while the bucket keeps an image, no command of ours gives it up.
        foreach (var clock in new[] { null, "+400d" })
        {
            foreach (var image in await ImagesAsync(unit))
            {
                var refused = await RunAsync(11, clock, "store", "expire", unit, image);
                Assert.Contains("cannot be given up: it is locked until", refused.Error, StringComparison.Ordinal);
                Assert.Equal(image != locked, refused.Error.Contains($"locked until {Until(8)}", StringComparison.Ordinal));
                Assert.DoesNotContain("hold", refused.Error.Split("next:")[1], StringComparison.Ordinal);
            }
            var shown = (await RunAsync(0, clock, "store", "images", unit)).Out;
            foreach (var days in new[] { 8, 300 }) Assert.Contains($"locked until {Until(days)}", shown, StringComparison.Ordinal);
            using (var json = JsonDocument.Parse((await RunAsync(0, clock, "store", "prune", unit, "--keep-last", "1", "--dry-run", "--output", "json")).Out))
            {
                var planned = json.RootElement.GetProperty("images").EnumerateArray().ToList();
                Assert.Equal(4, planned.Count);
                Assert.All(planned, image => Assert.True(image.GetProperty("stays").GetBoolean()));
                Assert.Equal(3, planned.Count(image => image.GetProperty("reasons").ToString().Contains(" by its unit", StringComparison.Ordinal)));
            }
            var given = await RunAsync(0, clock, "store", "prune", unit, "--keep-last", "1");
            Assert.Contains("0 of 4 images were given up", given.Out, StringComparison.Ordinal);
        }
        using (var json = JsonDocument.Parse((await RunAsync(0, "+400d", "store", "collect", unit, "--output", "json")).Out))
            Assert.Equal(0, json.RootElement.GetProperty("packsDeleted").GetInt32());
        var last = (await VersionsAsync(address)).ToHashSet();
        Assert.All(before.Where(v => UnitNames.IsLocked(v.Key)), version => Assert.Contains(version, last));
        await RestoresAsync(unit, locked);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Need()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        _faketime = Programs.Find("faketime");
        Assert.SkipUnless(_faketime is not null, "faketime is not installed (package faketime)");
    }

    /// <summary>Two images; the first, and it alone, is locked for 300 days. Returns its id.</summary>
    private async Task<string> PrepareAsync(string unit)
    {
        await File.WriteAllBytesAsync(In("first.raw"), Disks.Make(2 << 20, seed: 1, share: 1));
        await File.WriteAllBytesAsync(In("disk.raw"), Disks.Make(2 << 20, seed: 2, share: 1));
        await RunAsync(0, null, "store", "backup", unit, In("first.raw"), "--vm", "web");
        var image = (await ImagesAsync(unit))[0];
        await RunAsync(0, null, "store", "lock", unit, image, "--until", Until(300));
        await RunAsync(0, null, "store", "backup", unit, In("disk.raw"), "--vm", "web");
        return image;
    }

    /// <summary>Every way by which an image goes, under a clock that is 400 days ahead.</summary>
    private async Task RefusedAsync(string unit, string locked)
    {
        var images = await ImagesAsync(unit);
        var refused = await RunAsync(11, "+400d", "store", "expire", unit, locked);
        Assert.Contains("cannot be given up: it is locked until", refused.Error, StringComparison.Ordinal);
        // A lock is not shortened: an earlier date changes nothing.
        var still = await RunAsync(0, "-400d", "store", "lock", unit, locked, "--until", Until(-200));
        Assert.Contains($"locked until {Until(300)}", still.Out, StringComparison.Ordinal);
        Assert.Contains("Nothing was changed", still.Error, StringComparison.Ordinal);
        var pruned = await RunAsync(0, "+400d", "store", "prune", unit, "--keep-last", $"{images.Count - 1}");
        Assert.Contains("it is locked until", pruned.Out.Replace("\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains($"0 of {images.Count} images were given up", pruned.Out, StringComparison.Ordinal);
        var collected = await RunAsync(0, "+400d", "store", "collect", unit, "--output", "json");
        using (var json = JsonDocument.Parse(collected.Out)) Assert.Equal(0, json.RootElement.GetProperty("packsDeleted").GetInt32());
        Assert.Equal(images, await ImagesAsync(unit));
    }

    private async Task RestoresAsync(string unit, string image)
    {
        await RunAsync(0, null, "store", "restore", unit, image, In("restored.raw"));
        Assert.Equal(await File.ReadAllBytesAsync(In("first.raw")), await File.ReadAllBytesAsync(In("restored.raw")));
        await RunAsync(0, null, "store", "verify", unit);
    }

    private static string Until(int days) => DateTime.UtcNow.AddDays(days).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private async Task<List<string>> ImagesAsync(string unit)
    {
        using var json = JsonDocument.Parse((await RunAsync(0, null, "store", "images", unit, "--output", "json")).Out);
        return [.. json.RootElement.EnumerateArray().Select(i => i.GetProperty("id").GetString()!)];
    }

    /// <summary>What never changes of a unit: all but leases and caches.</summary>
    private static Dictionary<string, string> Files(string unit) => Directory.EnumerateFiles(unit, "*", SearchOption.AllDirectories)
        .Select(path => (Name: Path.GetRelativePath(unit, path), Path: path))
        .Where(f => UnitNames.IsLocked(f.Name) && !f.Name.StartsWith("parts/", StringComparison.Ordinal) && f.Name != "reserve")
        .ToDictionary(f => f.Name, f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f.Path))));

    private async Task<List<(string Key, string Version)>> VersionsAsync(S3Address address)
    {
        using var client = rgw.Client();
        var listed = await client.ListVersionsAsync(new ListVersionsRequest { BucketName = address.Bucket, Prefix = address.Prefix });
        return [.. listed.Versions.Select(v => (v.Key[address.Prefix.Length..], v.VersionId))];
    }

    private string In(string name) => Path.Combine(_folder, name);

    private async Task<(string Out, string Error)> RunAsync(int code, string? clock, params string[] arguments)
    {
        string[] all = clock is null ? arguments : ["-f", clock, _command!, .. arguments];
        using var process = CommandLine.Start(clock is null ? _command! : _faketime!, In("key"), null, all);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == code, $"{clock} {string.Join(' ', arguments)}: {process.ExitCode}, {error}");
        return (await output, error);
    }
}
