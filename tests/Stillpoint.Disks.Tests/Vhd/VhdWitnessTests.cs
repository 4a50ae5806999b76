using Microsoft.Extensions.Time.Testing;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>VHD files, ours read by qemu-img and libvhdi, and theirs by us.</summary>
[Trait("Kind", "Slow")]
public sealed class VhdWitnessTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(DiskKind.Fixed, 2 << 20)]
    [InlineData(DiskKind.Dynamic, 2 << 20)]
    [InlineData(DiskKind.Dynamic, 512 << 10)]
    public void Qemu_and_libvhdi_read_what_we_wrote(DiskKind kind, int blockSize)
    {
        Witness.Need("qemu-img", "vhdimount", "fusermount3");
        var model = new byte[(21 * Mebibyte) + (3 * 512)];
        var path = _folder["a.vhd"];
        using (var disk = Create("a.vhd", new() { Length = model.Length, Kind = kind, BlockSize = blockSize, NewId = _folder.NewId, Time = new FakeTimeProvider() })) Scribble(disk, model, 11);
        using (var disk = VirtualDisk.Open(path, new DiskOpenOptions { ReadOnly = false })) Scribble(disk, model, 12);
        File.WriteAllBytes(_folder["a.raw"], model);
        Witness.Run("qemu-img", "compare", "-f", "vpc", "-F", "raw", path, _folder["a.raw"]);
        Assert.True(model.AsSpan().SequenceEqual(Witness.LevelsByLibvhdi(path, _folder["m"], 1)[0]));
        AssertReads(path, model);
    }

    public static TheoryData<DiskKind, long, string> Shapes()
    {
        var data = new TheoryData<DiskKind, long, string>();
        foreach (var kind in new[] { DiskKind.Fixed, DiskKind.Dynamic })
            // A size that cylinders, heads and sectors make, and one that they do not.
            foreach (var length in new[] { 1024L * 4 * 17 * 512, (37L * Mebibyte) + (7 * 512) })
                foreach (var fill in new[] { "empty", "sparse", "full" })
                    data.Add(kind, length, fill);
        return data;
    }

    /// <summary>Both ways, sizes included. qemu's driver for VHD has no check, so that the bytes are all that it can say.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Qemu_and_we_read_the_same(DiskKind kind, long length, string fill)
    {
        Witness.Need("qemu-img");
        var model = new byte[length];
        if (fill == "full") TestFolder.Noise(1, model.Length).CopyTo(model, 0);
        if (fill == "sparse") foreach (var at in new[] { 0, 5_000_001, model.Length - 777 }) TestFolder.Noise(at, 777).CopyTo(model, at);
        File.WriteAllBytes(_folder["a.raw"], model);
        using (var raw = VirtualDisk.Open(_folder["a.raw"], new DiskOpenOptions { Format = DiskFormat.Raw }))
        {
            DiskFile.Convert(raw, _folder["ours.vhd"], new DiskCreateOptions { Format = DiskFormat.Vhd, Kind = kind, Length = length, NewId = _folder.NewId, Time = new FakeTimeProvider() }, null, CancellationToken.None);
        }
        Witness.Run("qemu-img", "compare", "-f", "vpc", "-F", "raw", _folder["ours.vhd"], _folder["a.raw"]);
        var subformat = kind == DiskKind.Fixed ? "fixed" : "dynamic";
        Witness.Run("qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", $"subformat={subformat},force_size=on", _folder["a.raw"], _folder["theirs.vhd"]);
        AssertReads(_folder["theirs.vhd"], model);
    }

    /// <summary>A disk by Virtual PC's rule is as large as its geometry, for qemu and for us; one by Hyper-V's is as large as its size field.</summary>
    [Theory]
    [InlineData("off")]
    [InlineData("on")]
    public void Qemu_and_we_mean_the_same_size(string forceSize)
    {
        Witness.Need("qemu-img");
        for (var mebibytes = 3; mebibytes < 3000; mebibytes = (mebibytes * 2) + 1)
        {
            var path = _folder[$"{mebibytes}.vhd"];
            Witness.Run("qemu-img", "create", "-f", "vpc", "-o", $"force_size={forceSize}", path, $"{mebibytes}M");
            using var ours = VirtualDisk.Open(path, new DiskOpenOptions());
            using var info = System.Text.Json.JsonDocument.Parse(Witness.Run("qemu-img", "info", "--output", "json", "-f", "vpc", path));
            Assert.Equal(info.RootElement.GetProperty("virtual-size").GetInt64(), ours.Length);
        }
    }

    [Theory]
    [InlineData("fixed", "on")]
    [InlineData("dynamic", "on")]
    [InlineData("dynamic", "off")]
    [InlineData("fixed", "off")]
    public void We_read_what_qemu_wrote(string subformat, string forceSize)
    {
        Witness.Need("qemu-img");
        var model = new byte[17 * Mebibyte];
        TestFolder.Noise(5, 3 * Mebibyte).CopyTo(model, 4 * Mebibyte);
        File.WriteAllBytes(_folder["a.raw"], model);
        Witness.Run("qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o", $"subformat={subformat},force_size={forceSize}", _folder["a.raw"], _folder["a.vhd"]);
        Witness.Run("qemu-img", "convert", "-f", "vpc", "-O", "raw", _folder["a.vhd"], _folder["b.raw"]);
        AssertReads(_folder["a.vhd"], File.ReadAllBytes(_folder["b.raw"]));
    }

    [Fact]
    public void Libvhdi_reads_every_level_of_our_chains()
    {
        Witness.Need("vhdimount", "fusermount3");
        var model = new byte[9 * Mebibyte];
        var levels = new List<byte[]>();
        for (var level = 0; level < 3; level++)
        {
            var options = new VhdCreateOptions { Length = level == 0 ? model.Length : 0, NewId = _folder.NewId, Time = new FakeTimeProvider() };
            if (level > 0) options = options with { Kind = DiskKind.Differencing, Parent = _folder[$"d{level - 1}.vhd"] };
            using var disk = Create($"d{level}.vhd", options);
            Scribble(disk, model, level, align: 4096);
            levels.Add([.. model]);
        }
        var seen = Witness.LevelsByLibvhdi(_folder["d2.vhd"], _folder["m"], 3);
        for (var level = 0; level < 3; level++)
        {
            AssertReads(_folder[$"d{level}.vhd"], levels[level]);
            Assert.True(levels[level].AsSpan().SequenceEqual(seen[level]), $"level {level} differs");
        }
    }

    // libvhdi takes every sector of a bitmap byte after its first set bit for present (it compares shifted bytes, not bits), so its chains
    // can be asked only where runs end on eight sectors.
    private static void Scribble(VirtualDisk disk, byte[] model, int seed, int align = 1)
    {
        var random = new Random(seed);
        for (var i = 0; i < 20; i++)
        {
            var bytes = TestFolder.Noise(random.Next(), (random.Next(1, i % 8 == 0 ? 3 * Mebibyte : 40_000) + align - 1) / align * align);
            var offset = random.Next(model.Length - bytes.Length) / align * align;
            disk.Write(offset, bytes);
            bytes.CopyTo(model, offset);
            if (i == 10) disk.Flush();
        }
        disk.Zero(8192, 69_632);
        model.AsSpan(8192, 69_632).Clear();
        disk.Flush();
    }

    private VirtualDisk Create(string name, VhdCreateOptions options) => VhdFile.Create(_folder[name], options);

    private static void AssertReads(string path, byte[] model)
    {
        using var disk = VirtualDisk.Open(path, new DiskOpenOptions());
        Assert.Equal(model.Length, disk.Length);
        var seen = new byte[model.Length];
        disk.Read(0, seen);
        Assert.True(model.AsSpan().SequenceEqual(seen));
        foreach (var hole in disk.Data.Invert(disk.Length)) Assert.False(model.AsSpan((int)hole.Offset, (int)hole.Length).ContainsAnyExcept((byte)0));
    }
}
