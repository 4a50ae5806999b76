using System.Diagnostics;
using System.Runtime.InteropServices;
using Stillpoint.VirtualDisks;
using static Stillpoint.Disks.Tests.StillpointCommandLine;

namespace Stillpoint.Disks.Tests;

/// <summary><c>stillpoint disk …</c> in the hands of somebody who wants to break it.</summary>
[Trait("Kind", "Slow")]
public sealed class DiskTrialTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_raw_disk_that_holds_a_VHDX_is_read_as_raw_only_when_it_is_said()
    {
        Disk(0, "create", _folder["inner.vhdx"], "--size", "8M");
        File.Copy(_folder["inner.vhdx"], _folder["a.raw"]);
        foreach (var verb in new[] { "info", "map", "check", "compact" }) Assert.Contains("--source-format raw, or vhdx", Disk(1, verb, _folder["a.raw"]).Error);
        var length = new FileInfo(_folder["a.raw"]).Length;
        Assert.Equal(length, Json(0, "info", _folder["a.raw"], "--source-format", "raw").GetProperty("length").GetInt64());
        Assert.Equal(8L * Mebibyte, Json(0, "info", _folder["a.raw"], "--source-format", "vhdx").GetProperty("length").GetInt64());

        Disk(0, "convert", "--source-format", "raw", _folder["a.raw"], _folder["outer.vhdx"]);
        Disk(0, "compare", _folder["outer.vhdx"], _folder["a.raw"], "--other-format", "raw");
        Disk(0, "convert", _folder["outer.vhdx"], _folder["back.img"]);
        Assert.Contains("--source-format", Disk(1, "info", _folder["back.img"]).Error);
        Assert.Contains("Name it .raw", Disk(1, "convert", _folder["outer.vhdx"], _folder["back.bin"]).Error);
        Assert.Empty(Directory.GetFiles(_folder.Path, "back.bin*"));

        File.Copy(_folder["inner.vhdx"], _folder["b.vhd"]);
        Assert.Contains("--source-format vhd, or vhdx", Disk(1, "info", _folder["b.vhd"]).Error);
        File.WriteAllBytes(_folder["q.raw"], [(byte)'Q', (byte)'F', (byte)'I', 0xfb, .. new byte[508]]);
        Assert.Contains("--source-format raw", Disk(1, "info", _folder["q.raw"]).Error);
        Disk(0, "info", _folder["q.raw"], "--source-format", "raw");
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("vhd")]
    [InlineData("vhdx")]
    public void What_cannot_be_made_leaves_nothing(string format)
    {
        // 7 EiB are more than any file system holds; the formats refuse it by their own limit.
        var (_, error) = Disk(1, "create", _folder["a." + format], "--size", "3900P");
        Assert.DoesNotContain("bug", error);
        Assert.Empty(Directory.GetFiles(_folder.Path));
        Disk(0, "create", _folder["b.raw"], "--size", "8M");
        Disk(1, "convert", _folder["b.raw"], _folder["c." + format], "--size", "3900P");
        Assert.Equal([_folder["b.raw"]], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_source_that_cannot_be_read_is_named_and_leaves_no_target()
    {
        Disk(0, "create", _folder["a.vhdx"], "--size", "20M");
        Disk(0, "create", _folder["c.avhdx"], "--parent", _folder["a.vhdx"]);
        File.Delete(_folder["a.vhdx"]);
        Assert.Contains($"check {_folder["c.avhdx"]}", Disk(4, "convert", _folder["c.avhdx"], _folder["x.vhd"]).Error);
        Assert.Empty(Directory.GetFiles(_folder.Path, "x.vhd*"));
    }

    [Fact]
    public void Only_regular_files_are_opened()
    {
        Witness.Need("mkfifo");
        Witness.Run("mkfifo", _folder["pipe.vhdx"]);
        Assert.Contains("a pipe", Disk(1, "info", _folder["pipe.vhdx"]).Error);
        Assert.Contains("a pipe", Disk(1, "resize", _folder["pipe.vhdx"], "--size", "8M").Error);
        Assert.Contains("a character device", Disk(1, "info", "/dev/zero").Error);
        Assert.Contains("a folder", Disk(1, "info", _folder.Path).Error);
        Disk(0, "create", _folder["p.vhdx"], "--size", "8M");
        Disk(0, "create", _folder["c.avhdx"], "--parent", _folder["p.vhdx"]);
        File.Delete(_folder["p.vhdx"]);
        Witness.Run("mkfifo", _folder["p.vhdx"]);
        Assert.Contains("a pipe", Disk(1, "info", _folder["c.avhdx"]).Error);
        File.Delete(_folder["p.vhdx"]);
        File.WriteAllBytes(_folder["p.vhdx"], new byte[8 * Mebibyte]);
        Assert.Contains("no Vhdx", Disk(4, "info", _folder["c.avhdx"]).Error);
    }

    [Fact]
    public void Names_do_not_steer_the_terminal()
    {
        var path = _folder["a\u001b]0;owned\u0007\nb\u202e.vhdx"];
        Disk(0, "create", path, "--size", "8M");
        foreach (var (output, error) in new[] { Disk(0, "info", path), Disk(0, "check", path), Disk(10, "info", path + "\u001b[2J") })
        {
            Assert.DoesNotContain(output + error, c => c is '\u001b' or '\u0007' or '\u202e');
            Assert.Contains(@"\x1b", output + error);
            Assert.DoesNotContain(@"owned\x07" + "\n", output + error);
        }
        Assert.Equal(path, Json(0, "info", path).GetProperty("path").GetString());
    }

    [Fact]
    public void Compare_tells_of_sizes()
    {
        Disk(0, "create", _folder["a.raw"], "--size", "8M");
        Disk(0, "create", _folder["b.vhdx"], "--size", "9M");
        var said = Json(4, "compare", _folder["a.raw"], _folder["b.vhdx"]);
        Assert.False(said.GetProperty("identical").GetBoolean());
        Assert.False(said.TryGetProperty("firstDifference", out _));
        Assert.Equal([8L * Mebibyte, 9L * Mebibyte], said.GetProperty("sizes").EnumerateArray().Select(s => s.GetInt64()));
        Assert.Contains("sizes differ, the rest is zero", Disk(4, "compare", _folder["a.raw"], _folder["b.vhdx"]).Output);
        Disk(0, "compare", _folder["a.raw"], _folder["b.vhdx"], "--ignore-size");
    }

    [Fact]
    public void What_is_said_wrong_is_no_bug_of_ours()
    {
        Disk(0, "create", _folder["f.vhd"], "--size", "8M", "--kind", "fixed");
        Disk(0, "create", _folder["d.vhdx"], "--size", "8M");
        foreach (var arguments in new[]
        {
            new[] { "create", _folder["a.vhdx"], "--size", "8G", "--block-size", "4G" },
            ["create", _folder["a.vhdx"], "--size", "8G", "--kind", "1"],
            ["create", _folder["a.vhdx"], "--size", "8G", "--format", "2"],
            ["create", _folder["a.vhdx"], "--size", "8G", "--kind", "differencing"],
            ["create", _folder["a.vhd"], "--size", "8G", "--sector-size", "4096"],
            ["create", _folder["a.raw"], "--size", "0"],
            ["create", _folder["a.vhdx"], "--size", "100"],
            ["resize", _folder["f.vhd"], "--size", "9M"],
            ["resize", _folder["d.vhdx"], "--size", "65T"],
            ["resize", _folder["d.vhdx"], "--size", "777"],
            ["merge", _folder["d.vhdx"]],
        })
        {
            var (_, error) = Disk(1, arguments);
            Assert.DoesNotContain("bug", error);
            Assert.DoesNotContain("(Parameter", error);
            Assert.False(Directory.GetFiles(_folder.Path).Any(f => Path.GetFileName(f)[0] == 'a'), string.Join(' ', arguments));
        }
    }

    [Fact]
    public void The_last_sequence_number_is_said_by_name()
    {
        Disk(0, "create", _folder["a.vhdx"], "--size", "8M");
        using (var file = File.Open(_folder["a.vhdx"], FileMode.Open))
        {
            var bytes = new byte[4096];
            file.Position = 128 << 10;
            file.ReadExactly(bytes);
            MemoryMarshal.Write(bytes.AsSpan(8), ulong.MaxValue);
            MemoryMarshal.Write(bytes.AsSpan(4), VhdxLayout.Checksum(bytes, 4));
            file.Position = 128 << 10;
            file.Write(bytes);
        }
        Disk(0, "info", _folder["a.vhdx"]);
        Assert.Contains("last sequence number", Disk(4, "resize", _folder["a.vhdx"], "--size", "9M").Error);
    }

    [Theory]
    [InlineData("p.vhdx", ".avhdx")]
    [InlineData("p.vhd", ".avhd")]
    public void A_merge_is_refused_over_other_children(string parent, string ending)
    {
        Disk(0, "create", _folder[parent], "--size", "8M");
        foreach (var child in new[] { "c1", "c2" }) Disk(0, "create", _folder[child + ending], "--parent", _folder[parent]);
        Disk(0, "create", _folder["c3" + ending], "--parent", _folder["c1" + ending]);
        Assert.Contains("c2" + ending, Disk(1, "merge", _folder["c1" + ending]).Error);
        File.Delete(_folder["c2" + ending]);
        Assert.Contains("c3" + ending, Disk(1, "merge", _folder["c1" + ending], "--delete").Error);
        Disk(0, "merge", _folder["c1" + ending]);
        Disk(0, "merge", _folder["c1" + ending], "--delete", "--force");
        Assert.Contains("makes other children of that parent invalid", Disk(0, "merge", "--help").Output);
    }

    [Fact]
    public void Sectors_of_4096_bytes_that_get_lost_are_told()
    {
        Disk(0, "create", _folder["a.vhdx"], "--size", "8M", "--sector-size", "4096");
        foreach (var name in new[] { "b.raw", "c.vhd" }) Assert.Contains("partition table will not fit", Disk(0, "convert", _folder["a.vhdx"], _folder[name]).Error);
        Assert.DoesNotContain("partition", Disk(0, "convert", _folder["a.vhdx"], _folder["d.vhdx"]).Error);
    }
}
