using System.Diagnostics;
using System.Text.Json;
using Stillpoint.VirtualDisks;
using static Stillpoint.Disks.Tests.StillpointCommandLine;

namespace Stillpoint.Disks.Tests;

/// <summary><c>stillpoint disk …</c> as people and scripts call it: exit codes, JSON, what is on which stream.</summary>
[Trait("Kind", "Slow")]
public sealed class DiskCommandTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Create_info_and_map_say_the_same()
    {
        var path = _folder["a.vhdx"];
        Disk(0, "create", path, "--size", "100M", "--block-size", "2M", "--sector-size", "4096");
        Write(path, 10 * Mebibyte, [1, 2, 3]);
        var info = Json(0, "info", path);
        Assert.Equal(("vhdx", "dynamic", 100L * Mebibyte), (Text(info, "format"), Text(info, "kind"), info.GetProperty("length").GetInt64()));
        Assert.Equal((2 * Mebibyte, 4096), (info.GetProperty("blockSize").GetInt32(), info.GetProperty("logicalSectorSize").GetInt32()));
        Assert.True(Guid.TryParse(Text(info, "virtualDiskId"), out _));
        Assert.Equal(path, Text(Assert.Single(info.GetProperty("chain").EnumerateArray()), "path"));
        Assert.Equal("none", Text(info, "scheme"));

        var runs = Json(0, "map", path).EnumerateArray().ToList();
        Assert.Equal(100L * Mebibyte, runs.Sum(r => r.GetProperty("length").GetInt64()));
        Assert.All(runs, r => Assert.Equal(["offset", "length", "data"], r.EnumerateObject().Select(p => p.Name)));
        var data = Assert.Single(runs, r => r.GetProperty("data").GetBoolean());
        Assert.InRange(10L * Mebibyte, data.GetProperty("offset").GetInt64(), data.GetProperty("offset").GetInt64() + data.GetProperty("length").GetInt64() - 1);
        Assert.Contains("dynamic", Disk(0, "info", path).Output);
    }

    [Fact]
    public void A_child_is_made_shown_merged_and_deleted()
    {
        foreach (var (parent, child) in new[] { ("p.vhdx", "c.avhdx"), ("p.vhd", "c.avhd") })
        {
            Disk(0, "create", _folder[parent], "--size", "20M");
            Disk(0, "create", _folder[child], "--parent", _folder[parent]);
            Write(_folder[child], 3 * Mebibyte, TestFolder.Noise(1, 70_000));
            Assert.Equal(2, Json(0, "info", _folder[child]).GetProperty("chain").GetArrayLength());
            Disk(0, "convert", _folder[child], _folder["before.raw"]);
            Disk(0, "merge", _folder[child], "--delete");
            Assert.False(File.Exists(_folder[child]));
            Disk(0, "compare", _folder[parent], _folder["before.raw"]);
            File.Delete(_folder["before.raw"]);
        }
    }

    [Fact]
    public void Every_verb_that_changes_a_disk_says_in_JSON_what_it_is_then()
    {
        var (parent, child) = (_folder["p.vhdx"], _folder["c.avhdx"]);
        void Is(JsonElement said, string path, long mebibytes)
        {
            Assert.Equal((path, mebibytes * Mebibyte), (Text(said, "path"), said.GetProperty("length").GetInt64()));
            Assert.Equal(new FileInfo(path).Length, said.GetProperty("fileLength").GetInt64());
        }
        Is(Json(0, "create", parent, "--size", "20M"), parent, 20);
        Is(Json(0, "create", child, "--parent", parent), child, 20);
        Is(Json(0, "convert", child, _folder["x.vhd"]), _folder["x.vhd"], 20);
        Is(Json(0, "merge", child), parent, 20);
        Is(Json(0, "resize", parent, "--size", "30M"), parent, 30);
        Is(Json(0, "compact", parent), parent, 30);
    }

    [Fact]
    public void What_a_killed_conversion_left_goes_with_the_next()
    {
        var source = _folder["a.raw"];
        var noise = TestFolder.Noise(3, 16 * Mebibyte);
        using (var file = File.Create(source))
            for (var i = 0; i < 12; i++) file.Write(noise);
        string[] Partials() => Directory.GetFiles(_folder.Path, "b.vhdx.partial-*");
        using (var process = Process.Start(new ProcessStartInfo(Find(), ["disk", "convert", source, _folder["b.vhdx"]]) { RedirectStandardError = true, RedirectStandardOutput = true })!)
        {
            while (Partials().Length == 0 && !process.HasExited) Thread.Yield();
            process.Kill();
            process.WaitForExit();
        }
        Assert.False(File.Exists(_folder["b.vhdx"]));
        Assert.Single(Partials());
        Disk(0, "convert", source, _folder["b.vhdx"]);
        Assert.Empty(Partials());
        Disk(0, "compare", source, _folder["b.vhdx"]);
    }

    [Fact]
    public void Repair_replays_a_log()
    {
        var path = _folder["a.vhdx"];
        Disk(0, "create", path, "--size", "20M", "--block-size", "1M");
        var files = new CrashingFiles(new Random(Enumerable.Range(1, 99).First(seed => new Random(seed).Next(3) == 0)));
        var disk = VirtualDisk.Open(path, new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId, Files = files });
        disk.Write(3 * Mebibyte, TestFolder.Noise(4, 9000));
        disk.Flush();
        files.Restart();
        Assert.Equal(("repairable", "log"), (Text(Assert.Single(Json(4, "check", path).EnumerateArray()), "kind"), "log"));
        Disk(0, "convert", path, _folder["before.raw"]);
        Assert.Equal(0, Json(0, "check", path, "--repair").GetArrayLength());
        Disk(0, "compare", path, _folder["before.raw"]);
    }

    [Fact]
    public void Ctrl_C_ends_a_conversion_with_130_and_leaves_no_half_file()
    {
        Witness.Need("kill");
        using (var file = File.Create(_folder["a.raw"])) file.SetLength(1L << 40);
        // Data everywhere as far as the map tells would take long to write; a fixed target of a large disk takes its time by itself.
        using (var disk = VirtualDisk.Open(_folder["a.raw"], new DiskOpenOptions { ReadOnly = false, Format = DiskFormat.Raw }))
        {
            for (var i = 0; i < 20_000; i++) disk.Write(i * (50L << 20), [1]);
        }
        // Tests that run in the background inherit an ignored SIGINT, and so would the command.
        string[] arguments = ["--default-signal=INT", Find(), "disk", "convert", _folder["a.raw"], _folder["b.vhdx"], "--block-size", "1M"];
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("env", arguments) { RedirectStandardError = true })!;
        while (Directory.GetFiles(_folder.Path, "b.vhdx*").Length == 0 && !process.HasExited) Thread.Sleep(1);
        Witness.Run("kill", "-INT", process.Id.ToString());
        process.WaitForExit();
        Assert.Equal(130, process.ExitCode);
        Assert.Empty(Directory.GetFiles(_folder.Path, "b.vhdx*"));
    }

    [Fact]
    public void Compare_ends_with_4_and_names_the_byte()
    {
        Disk(0, "create", _folder["a.raw"], "--size", "8M");
        Disk(0, "convert", _folder["a.raw"], _folder["b.vhd"]);
        var same = Json(0, "compare", _folder["a.raw"], _folder["b.vhd"]);
        Assert.True(same.GetProperty("identical").GetBoolean());
        Write(_folder["b.vhd"], 12345, [9]);
        var different = Json(4, "compare", _folder["a.raw"], _folder["b.vhd"]);
        Assert.False(different.GetProperty("identical").GetBoolean());
        Assert.Equal(12345, different.GetProperty("firstDifference").GetInt64());
        Assert.Contains("12345", Disk(4, "compare", _folder["a.raw"], _folder["b.vhd"]).Output);
    }

    [Fact]
    public void Check_tells_what_can_be_repaired_repairs_it_and_ends_with_4_for_damage()
    {
        var path = _folder["a.vhdx"];
        Disk(0, "create", path, "--size", "20M");
        Assert.Equal(0, Json(0, "check", path).GetArrayLength());
        Flip(path, (128 << 10) + 20);
        var finding = Assert.Single(Json(4, "check", path).EnumerateArray());
        Assert.Contains($"--repair {path}", Disk(4, "check", path).Error);
        Assert.Equal(("repairable", "header"), (Text(finding, "kind"), Text(finding, "structure")));
        Disk(0, "check", path, "--repair");
        Assert.Equal(0, Json(0, "check", path).GetArrayLength());

        Flip(path, 2 * Mebibyte);
        var damage = Assert.Single(Json(4, "check", path).EnumerateArray());
        Assert.Equal(("damage", "metadata table", 2L * Mebibyte), (Text(damage, "kind"), Text(damage, "structure"), damage.GetProperty("offset").GetInt64()));
        Assert.Contains("metadata table", Disk(4, "info", path).Error);
    }

    [Fact]
    public void Convert_keeps_the_bytes_grows_on_request_and_leaves_no_half_file()
    {
        Disk(0, "create", _folder["a.raw"], "--size", "40M");
        Write(_folder["a.raw"], 5 * Mebibyte, TestFolder.Noise(2, 3 * Mebibyte));
        foreach (var arguments in new[] { new[] { "b.vhdx", "--block-size", "1M" }, ["c.vhdx", "--kind", "fixed"], ["d.vhd", "--kind", "fixed"], ["e.img", "--format", "vhd", "--size", "50M"] })
        {
            Disk(0, ["convert", _folder["a.raw"], _folder[arguments[0]], .. arguments[1..]]);
            var (size, format) = arguments[0] == "e.img" ? ("--ignore-size", "vhd") : ("--source-format", "raw");
            Disk(0, ["compare", _folder["a.raw"], _folder[arguments[0]], .. format == "vhd" ? [size, "--other-format", format] : new[] { size, format }]);
        }
        Assert.Equal(50L * Mebibyte, Json(0, "info", _folder["e.img"], "--source-format", "vhd").GetProperty("length").GetInt64());
        Assert.Contains("exists", Disk(1, "convert", _folder["a.raw"], _folder["b.vhdx"]).Error);
        Disk(1, "convert", _folder["a.raw"], _folder["f.vhdx"], "--size", "1M");
        Assert.False(File.Exists(_folder["f.vhdx"]));
    }

    [Fact]
    public void Resize_refuses_to_cut_data_and_compact_gives_space_back()
    {
        foreach (var name in new[] { "a.vhdx", "a.vhd" })
        {
            var path = _folder[name];
            Disk(0, ["create", path, "--size", "30M", .. name == "a.vhdx" ? ["--block-size", "1M"] : Array.Empty<string>()]);
            Write(path, 0, TestFolder.Noise(3, 25 * Mebibyte));
            Assert.Contains("holds data", Disk(1, "resize", path, "--size", "20M").Error);
            Disk(0, "resize", path, "--size", "20M", "--discard");
            Disk(0, "resize", path, "--size", "60M");
            Assert.Equal(60L * Mebibyte, Json(0, "info", path).GetProperty("length").GetInt64());
            Write(path, 2 * Mebibyte, new byte[12 * Mebibyte]);
            var before = new FileInfo(path).Length;
            Assert.Contains("given back", Disk(0, "compact", path).Error);
            Assert.True(new FileInfo(path).Length <= before - (11 * Mebibyte), $"{name}: {before} became {new FileInfo(path).Length}");
            Assert.Equal(0, Json(0, "check", path).GetArrayLength());
        }
    }

    [Theory]
    [InlineData("info")]
    [InlineData("map")]
    [InlineData("check")]
    [InlineData("compact")]
    [InlineData("merge")]
    public void A_missing_file_ends_with_10_and_says_so_on_standard_error(string verb)
    {
        var (output, error) = Disk(10, verb, _folder["nowhere.vhdx"]);
        Assert.Empty(output);
        Assert.Contains("nowhere.vhdx", error);
    }

    [Fact]
    public void A_file_that_is_open_elsewhere_ends_with_11()
    {
        Disk(0, "create", _folder["a.vhdx"], "--size", "8M");
        using var open = VirtualDisk.Open(_folder["a.vhdx"], new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId });
        Disk(11, "resize", _folder["a.vhdx"], "--size", "9M");
    }

    private void Write(string path, long offset, byte[] bytes)
    {
        using var disk = VirtualDisk.Open(path, new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId });
        disk.Write(offset, bytes);
        disk.Flush();
    }

    private static void Flip(string path, long at)
    {
        using var file = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = at;
        var old = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(old ^ 1));
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
