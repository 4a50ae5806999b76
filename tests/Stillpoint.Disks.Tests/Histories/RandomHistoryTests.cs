using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>A random history of a disk against a flat model of bytes, with crashes.</summary>
public sealed class RandomHistoryTests
{
    [Theory]
    [InlineData(DiskFormat.Vhdx, 1024, 512, 12)]
    [InlineData(DiskFormat.Vhdx, 1024, 4096, 10)]
    [InlineData(DiskFormat.Vhdx, 32768, 512, 3)]
    [InlineData(DiskFormat.Vhdx, 32768, 4096, 3)]
    [InlineData(DiskFormat.Vhd, 512, 512, 12)]
    [InlineData(DiskFormat.Vhd, 2048, 512, 8)]
    public void A_disk_equals_its_model_after_each_step(DiskFormat format, int blockKibibytes, int sector, int histories) =>
        Run(format, blockKibibytes, sector, histories, steps: 30);

    /// <summary>Histories that failed once: a crash while a child grew showed what its larger parent held past the child's end.</summary>
    [Theory]
    [InlineData(DiskFormat.Vhdx, 1024, 4096, 17)]
    [InlineData(DiskFormat.Vhdx, 32768, 512, 81)]
    public void A_history_that_failed_once_equals_its_model(DiskFormat format, int blockKibibytes, int sector, int seed) =>
        One(format, blockKibibytes, sector, seed, steps: 50, []);

    /// <summary>The full count, by <c>--explicit only</c>; STILLPOINT_HISTORIES says how many of VHDX, 500 without it, and a fifth as many of VHD.</summary>
    [Theory(Explicit = true)]
    [InlineData(DiskFormat.Vhdx, 1024, 512, 4)]
    [InlineData(DiskFormat.Vhdx, 1024, 4096, 4)]
    [InlineData(DiskFormat.Vhdx, 32768, 512, 4)]
    [InlineData(DiskFormat.Vhdx, 32768, 4096, 4)]
    [InlineData(DiskFormat.Vhd, 512, 512, 10)]
    [InlineData(DiskFormat.Vhd, 2048, 512, 10)]
    public void Many_long_histories(DiskFormat format, int blockKibibytes, int sector, int share)
    {
        var wanted = int.Parse(Environment.GetEnvironmentVariable("STILLPOINT_HISTORIES") ?? "500");
        Run(format, blockKibibytes, sector, wanted / share, steps: 50);
    }

    private static void Run(DiskFormat format, int blockKibibytes, int sector, int histories, int steps)
    {
        var mix = new SortedDictionary<string, int>(StringComparer.Ordinal);
        Parallel.For(1, histories + 1, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed =>
        {
            var own = new SortedDictionary<string, int>(StringComparer.Ordinal);
            One(format, blockKibibytes, sector, seed, steps, own);
            lock (mix)
            {
                foreach (var (kind, count) in own) mix[kind] = mix.GetValueOrDefault(kind) + count;
            }
        });
        var line = $"histories: {format} {blockKibibytes}K/{sector}: {histories} of {steps} steps: {string.Join(", ", mix.Select(m => $"{m.Key} {m.Value}"))}";
        Console.WriteLine(line);
        TestContext.Current.TestOutputHelper?.WriteLine(line);
        Assert.True(mix["crash"] * 3 >= mix["step"], $"only {mix["crash"]} of {mix["step"]} steps crashed");
        Assert.All(new[] { "write", "zero", "snapshot", "merge", "resize", "reopen", "compact" }, kind => Assert.True(mix.GetValueOrDefault(kind) > 0, kind));
    }

    private static void One(DiskFormat format, int blockKibibytes, int sector, int seed, int steps, SortedDictionary<string, int> mix)
    {
        using var history = new DiskHistory((seed * 1000) + blockKibibytes + sector, format, blockKibibytes << 10, sector, mix);
        try
        {
            for (var step = 0; step < steps; step++) history.Step(step);
            history.Merge();
            history.Resize();
            history.Check("the end");
        }
        catch (Exception failure) when (failure is not SimulatedCrashException)
        {
            throw new InvalidOperationException($"{format}, blocks of {blockKibibytes} KiB, sectors of {sector}, history {seed}: {failure.Message}", failure);
        }
    }
}
