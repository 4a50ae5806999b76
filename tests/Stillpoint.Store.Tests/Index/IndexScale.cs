using System.Diagnostics;
using Stillpoint.Chunks;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Figures for bench/index, not a test of anything. Each step is a process of its own.</summary>
public sealed class IndexScale
{
    private static string Folder =>
        Environment.GetEnvironmentVariable("STILLPOINT_BENCH_DIR") ?? throw new InvalidOperationException("bench/index sets STILLPOINT_BENCH_DIR");

    private static long Chunks => long.Parse(Environment.GetEnvironmentVariable("STILLPOINT_BENCH_CHUNKS") ?? "1000000");

    private static int Images => int.Parse(Environment.GetEnvironmentVariable("STILLPOINT_BENCH_IMAGES") ?? "10000");

    private static string Unit => Path.Combine(Folder, "unit");

    private static string Catalog => Path.Combine(Folder, "catalog");

    [Fact(Explicit = true)]
    public Task Step1_make_packs() => SyntheticUnit.MakePacksAsync(Unit, Chunks);

    [Fact(Explicit = true)]
    public async Task Step2_index()
    {
        var clock = Stopwatch.StartNew();
        await using var unit = await StorageUnit.OpenInAsync(Unit, SyntheticUnit.Environment(100 + Environment.ProcessId), default);
        var report = await unit.IndexAsync(rebuild: false, null, default);
        Tell("index-seconds", clock.Elapsed.TotalSeconds);
        Tell("index-entries", report.Entries);
        Tell("index-peak-MiB", Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0);
    }

    [Fact(Explicit = true)]
    public async Task Step3_open_and_look_up()
    {
        var before = Memory();
        var clock = Stopwatch.StartNew();
        await using var unit = await StorageUnit.OpenInAsync(Unit, SyntheticUnit.Environment(7), default);
        var index = await unit.FreshIndexAsync(SyntheticUnit.Keys.Domain, default);
        Tell("open-seconds", clock.Elapsed.TotalSeconds);
        Assert.Equal(Chunks, index.Count.Chunks);
        Tell("open-loose-packs", index.Loose);
        var random = new Random(5);
        foreach (var batch in new[] { 512, 4096, 65536 })
        {
            LookUp(index, batch, hits: true, random);
            Tell($"hits-{batch}", LookUp(index, batch, hits: true, random));
            Tell($"misses-{batch}", LookUp(index, batch, hits: false, random));
        }
        clock.Restart();
        for (var i = 0; i < 100_000; i++) Assert.True(index.TryFind(SyntheticUnit.Chunk(random.NextInt64(Chunks)), out _, out _));
        Tell("one-by-one", 100_000 / clock.Elapsed.TotalSeconds);
        Tell("memory-MiB", (Memory() - before) / 1048576.0);
        Tell("peak-MiB", Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0);
    }

    [Fact(Explicit = true)]
    public Task Step4_make_images() => SyntheticUnit.MakeImagesAsync(Catalog, Images);

    [Fact(Explicit = true)]
    public async Task Step5_list_images()
    {
        // What is installed is compiled ahead; here the compiler is at work until the code was used for a while.
        for (var i = 0; i < 15; i++)
        {
            await using var warm = await StorageUnit.OpenInAsync(Catalog, SyntheticUnit.Environment(30 + i), default);
            await warm.ListImagesAsync(default);
        }
        List<double> times = [];
        for (var i = 0; i < 5; i++)
        {
            await using var unit = await StorageUnit.OpenInAsync(Catalog, SyntheticUnit.Environment(9 + i), default);
            var clock = Stopwatch.StartNew();
            Assert.Equal(Images, (await unit.ListImagesAsync(default)).Images.Count);
            times.Add(clock.Elapsed.TotalMilliseconds);
            clock.Restart();
            await unit.ListImagesAsync(default);
            if (i == 4) Tell("images-again-ms", clock.Elapsed.TotalMilliseconds);
        }
        Tell("images-ms", times.Order().ElementAt(2));
    }

    private static double LookUp(DomainIndex index, int batch, bool hits, Random random)
    {
        var batches = Enumerable.Range(0, Math.Max(1, 500_000 / batch)).Select(_ => new List<ChunkId>(
            Enumerable.Range(0, batch).Select(_ => SyntheticUnit.Chunk(random.NextInt64(Chunks) + (hits ? 0 : Chunks))))).ToList();
        var found = new bool[batch];
        var clock = Stopwatch.StartNew();
        foreach (var ids in batches)
        {
            Array.Clear(found);
            index.Find(ids, found);
            Assert.DoesNotContain(!hits, found);
        }
        return batches.Count * (double)batch / clock.Elapsed.TotalSeconds;
    }

    private static long Memory() => GC.GetTotalMemory(forceFullCollection: true);

    private static void Tell(string name, double value) => Console.WriteLine($"{name} {value:0.##}");
}
