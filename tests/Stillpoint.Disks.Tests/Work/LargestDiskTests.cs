using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>Every verb on disks as large as the formats allow, as a process of its own whose memory is measured at its peak.</summary>
[Trait("Kind", "Slow")]
public sealed class LargestDiskTests : IDisposable
{
    private const long Mebibyte = 1 << 20;
    private const long MostMemory = 64 * Mebibyte;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("vhdx", "64T", 64L << 40, "32M")]
    [InlineData("vhdx", "64T", 64L << 40, "1M")]
    [InlineData("vhd", "2040G", 2040L << 30, "2M")]
    public void No_verb_takes_more_than_64_MiB(string format, string size, long length, string block)
    {
        Witness.Need("time");
        var (disk, child, copy) = (_folder["a." + format], _folder["b.a" + format], _folder["c." + format]);
        Measured("create", disk, "--size", size, "--block-size", block);
        Write(disk, 10, 1, 2, 3);
        Write(disk, length - 3, 4, 5, 6);
        Measured("info", disk);
        Measured("map", disk, "--output", "json");
        Measured("check", disk);
        Measured("convert", disk, copy);
        Measured("compare", disk, copy);
        Measured("create", child, "--parent", disk);
        Write(child, length / 2, 7);
        Measured("merge", child, "--delete");
        Measured("check", disk);
        using var merged = VirtualDisk.Open(disk, new DiskOpenOptions());
        using var before = VirtualDisk.Open(copy, new DiskOpenOptions());
        Assert.Equal(length / 2, DiskCompare.FirstDifference(merged, before, null, CancellationToken.None));
    }

    private void Write(string path, long offset, params byte[] bytes)
    {
        using var disk = VirtualDisk.Open(path, new DiskOpenOptions { ReadOnly = false, NewId = _folder.NewId });
        disk.Write(offset, bytes);
    }

    private void Measured(params string[] arguments)
    {
        var peak = _folder["peak"];
        Witness.Run("time", ["-f", "%M", "-o", peak, StillpointCommandLine.Find(), "disk", .. arguments]);
        var bytes = long.Parse(File.ReadAllText(peak)) * 1024;
        Assert.True(bytes < MostMemory, $"disk {string.Join(' ', arguments)} took {bytes / Mebibyte} MiB of memory");
    }
}
