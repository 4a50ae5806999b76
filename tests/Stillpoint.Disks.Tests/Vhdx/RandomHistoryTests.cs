using Stillpoint.VirtualDisks;

namespace Stillpoint.Disks.Tests;

/// <summary>A random history of a disk against a flat model of bytes, with crashes.</summary>
public sealed class RandomHistoryTests
{
    [Theory]
    [InlineData(1, 512, 16)]
    [InlineData(1, 4096, 12)]
    [InlineData(32, 512, 3)]
    [InlineData(32, 4096, 3)]
    public void A_disk_equals_its_model_after_each_step(int blockMebibytes, int sector, int histories) =>
        Run(blockMebibytes, sector, histories, steps: 30);

    /// <summary>The full count: STILLPOINT_HISTORIES=500.</summary>
    [Fact]
    public void Many_long_histories()
    {
        var wanted = int.Parse(Environment.GetEnvironmentVariable("STILLPOINT_HISTORIES") ?? "0");
        Assert.SkipUnless(wanted > 0, "long run: set STILLPOINT_HISTORIES");
        for (var i = 0; i < 4; i++) Run(i % 2 == 0 ? 1 : 32, i < 2 ? 512 : 4096, wanted / 4, steps: 50);
    }

    private static void Run(int blockMebibytes, int sector, int histories, int steps)
    {
        var mix = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var seed = 1; seed <= histories; seed++)
        {
            using var history = new DiskHistory((seed * 1000) + blockMebibytes + sector, blockMebibytes << 20, sector, mix);
            for (var step = 0; step < steps; step++) history.Step(step);
            history.Merge();
            history.Resize();
            history.Check("the end");
        }
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", mix.Select(m => $"{m.Key} {m.Value}")));
        Assert.True(mix["crash"] * 3 >= mix["step"], $"only {mix["crash"]} of {mix["step"]} steps crashed");
        Assert.All(new[] { "write", "zero", "snapshot", "merge", "resize", "reopen", "compact" }, kind => Assert.True(mix.GetValueOrDefault(kind) > 0, kind));
    }
}
