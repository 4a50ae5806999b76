using System.Diagnostics;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>Tables that sfdisk wrote, and file systems that mkfs wrote.</summary>
[Trait("Kind", "Slow")]
public sealed class PartitionReaderTests : IDisposable
{
    private const int Mebibyte = 1 << 20;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_gpt_is_read_and_its_backup_when_the_first_is_damaged()
    {
        Divide("label: gpt\nsize=20MiB,type=U,name=boot\nsize=30MiB,type=L\n");
        Witness.Need("mke2fs");
        Witness.Run("mke2fs", "-q", "-t", "ext4", "-F", "-E", $"offset={21 * Mebibyte}", _folder["d.raw"], "30M");
        var contents = Read();
        Assert.Equal(PartitionScheme.Gpt, contents.Scheme);
        Assert.Equal([(1, 1L * Mebibyte, 20L * Mebibyte, "boot", null), (2, 21L * Mebibyte, 30L * Mebibyte, "", "ext")],
            contents.Partitions.Select(p => (p.Number, p.Offset, p.Length, p.Name!, p.FileSystem)));
        Assert.Empty(contents.Warnings);

        using (var file = File.OpenWrite(_folder["d.raw"]))
        {
            file.Position = 520;
            file.Write(new byte[40]);
        }
        var again = Read();
        Assert.Equal(contents.Partitions, again.Partitions);
        Assert.Contains("the one at the end was used", Assert.Single(again.Warnings));
    }

    [Fact]
    public void An_mbr_with_logical_partitions_is_read()
    {
        Divide("label: dos\n1 : size=10MiB,type=7\n2 : size=40MiB,type=5\n5 : size=8MiB,type=83\n6 : size=9MiB,type=7\n");
        var contents = Read();
        Assert.Equal(PartitionScheme.Mbr, contents.Scheme);
        Assert.Equal([(1, 10L * Mebibyte, "07"), (5, 8L * Mebibyte, "83"), (6, 9L * Mebibyte, "07")], contents.Partitions.Select(p => (p.Number, p.Length, p.Type)));
    }

    [Fact]
    public void A_file_system_over_the_whole_disk_is_no_mbr()
    {
        Witness.Need("mkntfs");
        Raw(60);
        Witness.Run("mkntfs", "-q", "-F", "-L", "V", "-p", "0", "-s", "512", _folder["d.raw"]);
        var contents = Read();
        Assert.Equal((PartitionScheme.None, "ntfs"), (contents.Scheme, contents.FileSystem));
    }

    [Fact]
    public void Noise_and_zeros_yield_no_partitions_or_warnings_but_never_an_error()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var bytes = TestFolder.Noise(seed, 70_000);
            bytes[510] = 0x55;
            bytes[511] = 0xAA;
            if (seed % 2 == 0) bytes[450] = 0xEE;
            if (seed % 3 == 0) bytes[466] = 5;
            using var disk = FlatDisk.Raw(new MemoryFile("noise", bytes), canWrite: false);
            var contents = PartitionReader.Read(disk);
            Assert.All(contents.Partitions, p => Assert.True(p.Offset < disk.Length && p.Offset + p.Length <= disk.Length));
        }
    }

    private void Raw(int mebibytes)
    {
        using var file = File.Create(_folder["d.raw"]);
        file.SetLength(mebibytes * (long)Mebibyte);
    }

    private void Divide(string script)
    {
        Witness.Need("sfdisk");
        Raw(64);
        var start = new ProcessStartInfo("sfdisk", ["-q", _folder["d.raw"]]) { RedirectStandardInput = true };
        using var process = Process.Start(start)!;
        process.StandardInput.Write(script);
        process.StandardInput.Close();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private DiskContents Read()
    {
        using var disk = VirtualDisk.Open(_folder["d.raw"], new DiskOpenOptions());
        return PartitionReader.Read(disk);
    }
}
