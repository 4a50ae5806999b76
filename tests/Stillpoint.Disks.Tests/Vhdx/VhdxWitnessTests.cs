using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>Our files read by qemu-img and libvhdi, and theirs by us.</summary>
[Trait("Kind", "Slow")]
public sealed class VhdxWitnessTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<DiskKind, int, long, string> Shapes()
    {
        var data = new TheoryData<DiskKind, int, long, string>();
        foreach (var kind in new[] { DiskKind.Fixed, DiskKind.Dynamic })
            foreach (var block in new[] { 1, 2, 32, 256 })
                foreach (var fill in new[] { "empty", "sparse", "full" })
                    data.Add(kind, block, (block == 256 ? 300L : 67L) * Mebibyte + 512 * 7, fill);
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Qemu_reads_what_we_wrote(DiskKind kind, int blockMebibytes, long length, string fill)
    {
        Witness.Need("qemu-img");
        var path = _folder["a.vhdx"];
        using (var raw = File.Create(_folder["a.raw"]))
        using (var disk = VhdxDisk.Create(path, new VhdxCreateOptions { Length = length, Kind = kind, BlockSize = blockMebibytes * Mebibyte, NewId = _folder.NewId }))
        {
            raw.SetLength(length);
            Fill(fill, length, (offset, bytes) =>
            {
                disk.Write(offset, bytes);
                raw.Position = offset;
                raw.Write(bytes);
            });
            disk.Flush();
        }
        Witness.Run("qemu-img", "compare", "-f", "vhdx", "-F", "raw", path, _folder["a.raw"]);
        Witness.Run("qemu-img", "check", "-f", "vhdx", path);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void We_read_what_qemu_wrote(DiskKind kind, int blockMebibytes, long length, string fill)
    {
        Witness.Need("qemu-img");
        using (var raw = File.Create(_folder["a.raw"]))
        {
            raw.SetLength(length);
            Fill(fill, length, (offset, bytes) =>
            {
                raw.Position = offset;
                raw.Write(bytes);
            });
        }
        var subformat = kind == DiskKind.Fixed ? "fixed" : "dynamic";
        Witness.Run("qemu-img", "convert", "-f", "raw", "-O", "vhdx", "-o", $"subformat={subformat},block_size={blockMebibytes}M", _folder["a.raw"], _folder["a.vhdx"]);
        using var disk = VirtualDisk.Open(_folder["a.vhdx"], new DiskOpenOptions());
        Assert.Equal(blockMebibytes * Mebibyte, disk.BlockSize);
        using var model = File.OpenRead(_folder["a.raw"]);
        Assert.True(disk.Length >= model.Length);
        byte[] ours = new byte[4 * Mebibyte], theirs = new byte[4 * Mebibyte];
        var data = disk.Data;
        for (long at = 0; at < length; at += ours.Length)
        {
            var n = (int)Math.Min(ours.Length, length - at);
            disk.Read(at, ours.AsSpan(0, n));
            model.ReadExactly(theirs, 0, n);
            Assert.True(ours.AsSpan(0, n).SequenceEqual(theirs.AsSpan(0, n)), $"bytes differ from {at} on");
            if (theirs.AsSpan(0, n).ContainsAnyExcept((byte)0)) Assert.False(data.Intersect(Stillpoint.Extents.ExtentSet.Of(new Stillpoint.Extents.Extent(at, n))).IsEmpty);
        }
    }

    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void Libvhdi_reads_every_level_of_our_chains(int sector)
    {
        Witness.Need("vhdimount", "fusermount3");
        const int length = 40 * Mebibyte;
        var model = new byte[length];
        var levels = new List<byte[]>();
        var names = new[] { "base.vhdx", "one.avhdx", "two.avhdx" };
        var random = new Random(7);
        for (var level = 0; level < names.Length; level++)
        {
            var options = new VhdxCreateOptions { Length = length, LogicalSectorSize = sector, BlockSize = (level + 1 == 3 ? 4 : level + 1) * Mebibyte, NewId = _folder.NewId };
            if (level > 0) options = options with { Kind = DiskKind.Differencing, Parent = _folder[names[level - 1]] };
            using var disk = VhdxDisk.Create(_folder[names[level]], options);
            for (var i = 0; i < 25; i++)
            {
                var bytes = TestFolder.Noise(random.Next(), random.Next(1, i % 8 == 0 ? 3 * Mebibyte : 70_000));
                var offset = random.Next(length - bytes.Length);
                disk.Write(offset, bytes);
                bytes.CopyTo(model, offset);
            }
            disk.Flush();
            levels.Add([.. model]);
        }
        var seen = Witness.LevelsByLibvhdi(_folder["two.avhdx"], _folder["m"], names.Length);
        for (var level = 0; level < names.Length; level++) Assert.True(levels[level].AsSpan().SequenceEqual(seen[level]), $"level {level} differs");
    }

    [Fact]
    public void A_parent_changed_behind_its_child_is_refused_by_libvhdi_and_by_us()
    {
        Witness.Need("vhdimount", "fusermount3");
        VhdxDisk.Create(_folder["base.vhdx"], new VhdxCreateOptions { Length = 8 * Mebibyte, NewId = _folder.NewId }).Dispose();
        VhdxDisk.Create(_folder["leaf.avhdx"], new VhdxCreateOptions { Kind = DiskKind.Differencing, Parent = _folder["base.vhdx"], NewId = _folder.NewId }).Dispose();
        Witness.LevelsByLibvhdi(_folder["leaf.avhdx"], _folder["m"], 2);
        using (var disk = VirtualDisk.Open(_folder["base.vhdx"], new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId })) disk.Write(5, [1]);
        Assert.Throws<DiskFormatException>(() => VirtualDisk.Open(_folder["leaf.avhdx"], new DiskOpenOptions()));
        var (code, output) = Witness.Try("vhdimount", _folder["leaf.avhdx"], _folder["m"]);
        if (code == 0) Witness.Run("fusermount3", "-u", _folder["m"]);
        Assert.True(code != 0, output);
    }

    [Fact]
    public void A_dirty_log_of_ours_is_replayed_by_qemu_to_what_we_read()
    {
        Witness.Need("qemu-img");
        VhdxDisk.Create(_folder["a.vhdx"], new VhdxCreateOptions { Length = 64 * Mebibyte, BlockSize = Mebibyte, NewId = _folder.NewId }).Dispose();
        var files = new CrashingFiles(new Random(3));
        var disk = VirtualDisk.Open(_folder["a.vhdx"], new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId, Files = files });
        for (var i = 0; i < 5; i++)
        {
            disk.Write(i * 7L * Mebibyte, TestFolder.Noise(i, 900_000));
            disk.Flush();
        }
        files.Restart();
        byte[] ours;
        using (var dirty = VirtualDisk.Open(_folder["a.vhdx"], new DiskOpenOptions()))
        {
            ours = new byte[dirty.Length];
            dirty.Read(0, ours);
        }
        Assert.Equal(["log"], DiskCheck.Run(_folder["a.vhdx"], new DiskOpenOptions()).Select(f => f.Structure));
        File.Copy(_folder["a.vhdx"], _folder["theirs.vhdx"]);
        Witness.Try("qemu-img", "check", "-r", "all", "-f", "vhdx", _folder["theirs.vhdx"]);
        Witness.Run("qemu-img", "convert", "-f", "vhdx", "-O", "raw", _folder["theirs.vhdx"], _folder["theirs.raw"]);
        Assert.True(ours.AsSpan().SequenceEqual(File.ReadAllBytes(_folder["theirs.raw"])));
        DiskCheck.Repair(_folder["a.vhdx"], _folder.NewId);
        Assert.Empty(DiskCheck.Run(_folder["a.vhdx"], new DiskOpenOptions()));
        Witness.Run("qemu-img", "compare", "-f", "vhdx", "-F", "raw", _folder["a.vhdx"], _folder["theirs.raw"]);
    }

    /// <summary>The machine stops at many bytes of an update of the metadata; all that was written until then is there.</summary>
    [Fact]
    public void Wherever_an_update_is_cut_off_qemu_replays_the_log_to_what_we_read()
    {
        Witness.Need("qemu-img");
        VhdxDisk.Create(_folder["sound.vhdx"], new VhdxCreateOptions { Length = 24 * Mebibyte, BlockSize = Mebibyte, NewId = _folder.NewId }).Dispose();
        var whole = Update("whole.vhdx", long.MaxValue);
        var dirty = 0;
        const int points = 24;
        for (var point = 0; point < points; point++)
        {
            var name = $"cut{point}.vhdx";
            // Odd bytes, so that header, log entry and pages are torn, too.
            Update(name, (whole * (point + 1) / (points + 1)) | 1);
            if (DiskCheck.Run(_folder[name], new DiskOpenOptions()).Any(f => f.Structure == "log")) dirty++;
            File.Copy(_folder[name], _folder["theirs.vhdx"], overwrite: true);
            Witness.Try("qemu-img", "check", "-r", "all", "-f", "vhdx", _folder["theirs.vhdx"]);
            Witness.Run("qemu-img", "convert", "-f", "vhdx", "-O", "raw", _folder["theirs.vhdx"], _folder["theirs.raw"]);
            using (var ours = VirtualDisk.Open(_folder[name], new DiskOpenOptions()))
            using (var theirs = VirtualDisk.Open(_folder["theirs.raw"], new DiskOpenOptions { Format = DiskFormat.Raw }))
            {
                Assert.True(DiskCompare.FirstDifference(ours, theirs, null, CancellationToken.None) is null, $"cut at point {point} of {points}");
            }
            DiskCheck.Repair(_folder[name], _folder.NewId);
            Assert.Empty(DiskCheck.Run(_folder[name], new DiskOpenOptions()));
            Witness.Run("qemu-img", "compare", "-f", "vhdx", "-F", "raw", _folder[name], _folder["theirs.raw"]);
        }
        Assert.True(dirty >= points / 2, $"only {dirty} of {points} cuts left a log to replay");
    }

    /// <summary>Writes a few blocks until a machine that keeps the order of writes stops.</summary>
    /// <returns>Bytes that were written.</returns>
    private long Update(string name, long stopAfter)
    {
        File.Copy(_folder["sound.vhdx"], _folder[name]);
        var files = new CrashingFiles(new Random(Enumerable.Range(1, 99).First(seed => new Random(seed).Next(3) == 0)));
        var disk = VirtualDisk.Open(_folder[name], new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId, Files = files });
        files.StopAfter(stopAfter);
        try
        {
            for (var i = 0; i < 8; i++)
            {
                disk.Write((i * 3L * Mebibyte) + (i * 512), TestFolder.Noise(i, 700));
                disk.Flush();
            }
        }
        catch (SimulatedCrashException)
        {
            // the point of it
        }
        files.Restart();
        return files.Written;
    }

    private static void Fill(string fill, long length, Action<long, byte[]> write)
    {
        if (fill == "sparse")
        {
            foreach (var (offset, seed, n) in new[] { (0L, 1, 1000), (1_500_000L, 2, 3_000_000), (33_000_000L, 3, 1_200_000), (length - 777, 4, 777) }) write(offset, TestFolder.Noise(seed, n));
        }
        else if (fill == "full")
        {
            for (long at = 0; at < length; at += 8 * Mebibyte) write(at, TestFolder.Noise((int)(at >> 20), (int)Math.Min(8 * Mebibyte, length - at)));
        }
    }
}
