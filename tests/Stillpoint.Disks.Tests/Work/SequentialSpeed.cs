using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>Figures for bench/disks, not a test of anything: sequential I/O on a dynamic VHDX against a raw file, in pairs, median ratio.</summary>
public sealed class SequentialSpeed
{
    [Fact(Explicit = true)]
    public void Dynamic_vhdx_against_raw()
    {
        var folder = Environment.GetEnvironmentVariable("STILLPOINT_BENCH_DIR");
        Assert.True(folder is not null, "bench/disks sets STILLPOINT_BENCH_DIR");
        var mebibytes = int.Parse(Environment.GetEnvironmentVariable("STILLPOINT_BENCH_MIB") ?? "1024");
        List<double> writes = [], reads = [];
        var piece = TestFolder.Noise(1, 4 << 20);
        for (var pair = 0; pair < 5; pair++)
        {
            var raw = One(Path.Combine(folder, "s.raw"), DiskFormat.Raw, mebibytes, piece);
            var vhdx = One(Path.Combine(folder, "s.vhdx"), DiskFormat.Vhdx, mebibytes, piece);
            writes.Add(raw.Write / vhdx.Write);
            reads.Add(raw.Read / vhdx.Read);
        }
        Console.WriteLine($"sequential-write {Median(writes):0.00}");
        Console.WriteLine($"sequential-read {Median(reads):0.00}");
    }

    private static (double Write, double Read) One(string path, DiskFormat format, int mebibytes, byte[] piece)
    {
        File.Delete(path);
        var ids = new Random(5);
        var options = new DiskCreateOptions { Format = format, Length = mebibytes * 1048576L, Time = new FakeTimeProvider(), NewId = () => new Guid(ids.Next(), 0, 0, new byte[8]) };
        var clock = Stopwatch.StartNew();
        using (var disk = DiskFile.Create(path, options))
        {
            for (long at = 0; at < options.Length; at += piece.Length) disk.Write(at, piece);
            disk.Flush();
        }
        var write = clock.Elapsed.TotalSeconds;
        clock.Restart();
        using (var disk = VirtualDisk.Open(path, new DiskOpenOptions { Format = format }))
        {
            var buffer = new byte[piece.Length];
            for (long at = 0; at < options.Length; at += buffer.Length) disk.Read(at, buffer);
        }
        var read = clock.Elapsed.TotalSeconds;
        File.Delete(path);
        return (write, read);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
