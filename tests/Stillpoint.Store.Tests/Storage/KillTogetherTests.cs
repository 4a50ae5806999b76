namespace Stillpoint.Store.Tests;

/// <summary>Backup, duplicate, prune, collect and verify as processes beside each other, some killed dead at random moments, again and again.</summary>
[Trait("Kind", "Slow")]
public sealed class KillTogetherTests(ITestOutputHelper output)
{
    [Fact]
    public Task Ten_kills_lose_nothing() => KillAsync(10, pairs: 1, checkEvery: 4, seed: 1);

    /// <summary>Two pairs of units at once: a collect that waits for a dead session leaves the processor to the other pair.</summary>
    [Fact(Explicit = true)]
    public Task A_thousand_kills_lose_nothing() => KillAsync(1000, pairs: 2, checkEvery: 10, seed: 100);

    private async Task KillAsync(int kills, int pairs, int checkEvery, int seed)
    {
        var command = Checkout.Command();
        Assert.SkipUnless(command is not null, "the stillpoint command is not built");
        var all = Enumerable.Range(seed, pairs).Select(s => new KilledPair(command, s)).ToList();
        try
        {
            await Task.WhenAll(all.Select(pair => pair.RunAsync(kills / pairs, checkEvery)));
            var killed = all.SelectMany(p => p.Kills).GroupBy(k => k.Key).Select(k => $"{k.Key} {k.Sum(n => n.Value)}");
            output.WriteLine(
                $"kills: {kills}, seeds from {seed} ({string.Join(", ", killed)}), {all.Sum(p => p.Images)} images committed, {all.Sum(p => p.Copies)} of them copied, "
                + $"{all.Sum(p => p.Restored)} restores compared, {all.Sum(p => p.Refused)} backups and copies refused, 0 lost");
        }
        finally
        {
            foreach (var pair in all) pair.Dispose();
        }
    }
}
