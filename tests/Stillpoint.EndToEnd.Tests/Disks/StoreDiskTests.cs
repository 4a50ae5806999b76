using System.Text.Json;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>Disk files into a storage unit and out of it without any server, as the command line does it; qemu-img judges.</summary>
[Trait("Kind", "Slow")]
public sealed class StoreDiskTests : IDisposable
{
    private const long Size = 20L << 20;
    private static readonly Dictionary<string, string> s_endings = new() { ["raw"] = ".img", ["vpc"] = ".vhd", ["vhdx"] = ".vhdx" };

    private readonly string _root = Directory.CreateTempSubdirectory("stillpoint-store-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task A_unit_gives_back_raw_vhd_and_vhdx_in_every_format()
    {
        Assert.SkipWhen(GivenDisk.Missing is not null, GivenDisk.Missing ?? "");
        await StoreAsync("init");
        var seed = 20;
        foreach (var (format, ending) in s_endings)
        {
            var given = await GivenDisk.MakeAsync(Path.Combine(_root, "given"), "disk" + ending, format, Size, seed++);
            var image = JsonDocument.Parse(await StoreAsync("backup", given.Path, "--vm", format, "--output", "json")).RootElement;
            Assert.Equal(Size, image.GetProperty("disks")[0].GetProperty("size").GetInt64());
            foreach (var (target, targetEnding) in s_endings)
            {
                var file = Path.Combine(_root, $"{format}-as-{target}{targetEnding}");
                await StoreAsync("restore", image.GetProperty("id").GetString()!, file);
                await given.AssertSameAsync(file, target);
            }
            given.AssertUntouched();
        }
        await StoreAsync("verify");
    }

    [Fact]
    public async Task A_change_list_makes_an_incremental_and_both_images_come_back()
    {
        Assert.SkipWhen(GivenDisk.Missing is not null, GivenDisk.Missing ?? "");
        await StoreAsync("init");
        var before = await GivenDisk.MakeAsync(Path.Combine(_root, "given"), "before.img", "raw", Size, 31);
        var live = Path.Combine(_root, "live.img");
        File.Copy(before.Path, live);
        var full = IdOf(await StoreAsync("backup", live, "--vm", "live", "--output", "json"));

        var (offset, length) = (5L * 1024 * 1024 + 4096, 200 * 1024);
        var bytes = new byte[length];
        new Random(32).NextBytes(bytes);
        using (var file = File.OpenHandle(live, FileMode.Open, FileAccess.Write)) RandomAccess.Write(file, bytes, offset);
        var list = Path.Combine(_root, "changed.txt");
        await File.WriteAllTextAsync(list, $"# since the full\n{offset} {length}\n");
        var output = await StoreAsync("backup", live, "--vm", "live", "--base", full, "--changed", list, "--output", "json");
        var sent = JsonDocument.Parse(output).RootElement.GetProperty("disks")[0].GetProperty("bytesSent").GetInt64();
        Assert.InRange(sent, length, 5 * 65536);

        var (first, second) = (Path.Combine(_root, "first.vhdx"), Path.Combine(_root, "second.img"));
        await StoreAsync("restore", full, first);
        await StoreAsync("restore", IdOf(output), second);
        await before.AssertSameAsync(first, "vhdx");
        await (before with { Path = live }).AssertSameAsync(second, "raw");
    }

    private static string IdOf(string image) => JsonDocument.Parse(image).RootElement.GetProperty("id").GetString()!;

    private async Task<string> StoreAsync(string verb, params string[] arguments)
    {
        var key = new Dictionary<string, string> { ["STILLPOINT_KEY_FILE"] = Path.Combine(_root, "unit.key") };
        var said = await CommandLine.StillpointAsync(key, ["store", verb, Path.Combine(_root, "unit"), .. arguments]);
        Assert.True(said.ExitCode == 0, $"store {verb} {string.Join(' ', arguments)}: {said.ExitCode} {said.All}");
        return said.Out;
    }
}
