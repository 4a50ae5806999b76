using Stillpoint.Demo;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>What <c>demo --keep</c> leaves is good with no server running.</summary>
[Trait("Kind", "Slow")]
public sealed class KeptDemoTests : IDisposable
{
    private const int RecoveryKind = 1;
    private readonly string _root = Directory.CreateTempSubdirectory("stillpoint-tests-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task The_kept_unit_is_verified_listed_and_restored_to_what_the_lab_recorded()
    {
        var kept = Path.Combine(_root, "kept");
        var demo = await CommandLine.RunAsync(RoleProcess.Executable, "demo", "--keep", kept);
        Assert.True(demo.ExitCode == 0, demo.ToString());

        // A second demo into it is refused and changes nothing.
        var before = Listing(kept);
        var again = await CommandLine.RunAsync(RoleProcess.Executable, "demo", "--keep", kept);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains($"{kept} is not empty", again.Err, StringComparison.Ordinal);
        Assert.Contains("Name a folder that is empty", again.Err, StringComparison.Ordinal);
        Assert.Equal(before, Listing(kept));

        // The demo's last lines are the commands to try: they are run as they stand.
        var key = Regex.Match(demo.Out, @"export STILLPOINT_KEY_FILE=(.+)").Groups[1].Value;
        var named = Regex.Matches(demo.Out, @"^  stillpoint (store .+)$", RegexOptions.Multiline).Select(m => m.Groups[1].Value.Split(' ')).ToList();
        Assert.Equal(["images", "verify", "restore"], named.Select(n => n[1]));
        var images = await StoreAsync(key, [.. named[0], "--output", "json"]);
        Assert.Contains("sound: 7 images", await StoreAsync(key, named[1]), StringComparison.Ordinal);
        using var listed = JsonDocument.Parse(images);
        Assert.Equal(7, listed.RootElement.GetArrayLength());
        var target = Path.Combine(_root, named[2][^1]);
        await StoreAsync(key, [.. named[2][..^1], target]);
        Assert.True(new FileInfo(target).Length > 0);

        // Oldest first, an image and the record of its checkpoint have the same place among those of their VM.
        var byVm = listed.RootElement.EnumerateArray().OrderBy(i => i.GetProperty("created").GetDateTimeOffset()).ToLookup(i => i.GetProperty("vm").GetString()!);
        var records = Records(kept);
        Assert.Equal(["db", "legacy", "web"], byVm.Select(v => v.Key).Order(StringComparer.Ordinal));
        foreach (var vm in byVm)
        {
            var recorded = records.Where(r => r.Vm == vm.Key).ToList();
            Assert.Equal(vm.Count(), recorded.Count);
            foreach (var place in new[] { 0, recorded.Count - 1 }.Distinct())
                Assert.Equal(recorded[place].Sha256, await RestoredAsync(key, Path.Combine(kept, "vault"), vm.ElementAt(place)));
        }
    }

    private static List<(string Vm, IReadOnlyList<string> Sha256)> Records(string kept)
    {
        var all = new List<(DateTimeOffset At, string Vm, IReadOnlyList<string> Sha256)>();
        foreach (var file in Directory.GetFiles(Path.Combine(kept, "lab", "record", "checkpoints"), "*.json"))
        {
            using var record = JsonDocument.Parse(File.ReadAllBytes(file));
            var root = record.RootElement;
            if (root.GetProperty("Kind").GetInt32() != RecoveryKind) continue;
            var disks = root.GetProperty("Disks").EnumerateArray().Select(d => d.GetProperty("Record").GetProperty("Sha256").GetString()!).ToList();
            all.Add((root.GetProperty("Created").GetDateTimeOffset(), root.GetProperty("Vm").GetString()!, disks));
        }
        return [.. all.OrderBy(r => r.At).Select(r => (r.Vm, r.Sha256))];
    }

    /// <summary>Restores an image as raw files and gives the hash of each disk.</summary>
    private async Task<IReadOnlyList<string>> RestoredAsync(string key, string unit, JsonElement image)
    {
        var target = Path.Combine(_root, "restored");
        await StoreAsync(key, "store", "restore", unit, image.GetProperty("id").GetString()!, target + "/", "--format", "raw");
        var hashes = new List<string>();
        foreach (var disk in image.GetProperty("disks").EnumerateArray())
        {
            await using var raw = File.OpenRead(Path.Combine(target, Path.ChangeExtension(disk.GetProperty("name").GetString()!, ".raw")));
            hashes.Add(Convert.ToHexStringLower(await SHA256.HashDataAsync(raw, TestContext.Current.CancellationToken)));
        }
        Directory.Delete(target, recursive: true);
        return hashes;
    }

    private static async Task<string> StoreAsync(string key, params string[] arguments)
    {
        var run = await CommandLine.RunAsync(RoleProcess.Executable, new Dictionary<string, string> { ["STILLPOINT_KEY_FILE"] = key }, arguments);
        Assert.True(run.ExitCode == 0, $"stillpoint {string.Join(' ', arguments)}: {run}");
        return run.Out;
    }

    private static List<string> Listing(string folder) =>
        [.. new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Select(f => $"{f.FullName} {f.Length} {f.LastWriteTimeUtc:O}").Order(StringComparer.Ordinal)];
}
