using System.Text.RegularExpressions;
using Stillpoint.Model;
using Xunit.Sdk;

namespace Stillpoint.Store.Tests;

/// <summary>Histories over the simulated disk: nothing committed is lost, and each sync is needed for that.</summary>
public sealed partial class SimulatedPowerTests(ITestOutputHelper output)
{
    /// <summary>Every sync under a local volume: by what is synced, and the method that asks for it.</summary>
    private static readonly string[] s_points =
    [
        "file CompleteAsync", "file TryCreate", "folder CompleteAsync", "folder MakeFolder", "folder PutIfAbsent", "folder SyncNamesAsync",
        "folder TryCreate",
    ];

    public static TheoryData<string> Points => [.. s_points];

    [Fact]
    public Task Nothing_committed_is_lost_in_any_of_300_histories() => HistoriesAsync(0, 300);

    [Fact(Explicit = true)]
    [Trait("Kind", "Slow")]
    public Task Nothing_committed_is_lost_in_any_of_5000_histories() => HistoriesAsync(1000, 5000);

    [Theory]
    [MemberData(nameof(Points))]
    public async Task Without_one_sync_something_is_lost(string point)
    {
        for (var seed = 0; seed < 2000; seed++)
        {
            try
            {
                await PowerHistory.RunAsync(seed, point);
            }
            catch (Exception e) when (e is XunitException or TroubleException or IOException)
            {
                output.WriteLine($"without {point} seed {seed} fails: {e.Message}");
                return;
            }
        }
        Assert.Fail($"{point} can be left out and nothing is lost");
    }

    [Fact]
    public void The_sync_points_are_all_that_the_source_has()
    {
        var files = Directory.GetFiles(Path.Combine(Checkout.Root, "src/Stillpoint.Storage"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal)).ToList();
        var calls = files.Sum(f => SyncCall().Count(File.ReadAllText(f)));
        var create = Regex.Match(File.ReadAllText(Path.Combine(Checkout.Root, "src/Stillpoint.Durable/DurableFile.cs")),
            @"public static bool TryCreate\(\s*IFileCalls.*?\n    }", RegexOptions.Singleline);
        Assert.True(create.Success);
        Assert.Equal(s_points.Length, calls + SyncCall().Count(create.Value));
    }

    [Fact]
    public Task What_a_failing_disk_spoils_is_never_restored_and_always_reported() => SpoilAsync(0, 100);

    [Fact(Explicit = true)]
    [Trait("Kind", "Slow")]
    public Task What_a_failing_disk_spoils_is_never_restored_and_always_reported_2000_times() => SpoilAsync(1000, 2000);

    private async Task SpoilAsync(int first, int count)
    {
        for (var seed = first; seed < first + count; seed++) await PowerHistory.SpoilAsync(seed);
        output.WriteLine($"spoiled disks: {count}, seeds from {first}, each restored right or refused, and reported");
    }

    private async Task HistoriesAsync(int first, int count)
    {
        var points = new HashSet<string>();
        int cuts = 0, nested = 0;
        for (var seed = first; seed < first + count; seed++)
        {
            try
            {
                var history = await PowerHistory.RunAsync(seed);
                points.UnionWith(history.Points);
                cuts += history.Cuts;
                nested += history.Nested;
            }
            catch (Exception e) when (e is XunitException or TroubleException or IOException)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
        output.WriteLine($"power histories: {count}, seeds from {first}, {cuts} power cuts, {nested} times a second writer in the middle of a call of the first, 0 lost");
        Assert.Equal(s_points, points.Order(StringComparer.Ordinal));
        Assert.True(nested > count / 4, $"only {nested}");
    }

    [GeneratedRegex(@"\.(Sync|SyncFolder|SyncDirectory)\(")]
    private static partial Regex SyncCall();
}
