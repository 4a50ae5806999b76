using CsCheck;
using Stillpoint.Extents;

namespace Stillpoint.Disks.Tests;

/// <summary>The algebra against the plain definition: a set of byte numbers.</summary>
public sealed class ExtentSetTests
{
    private const int Limit = 96;

    private static readonly Gen<ExtentSet> s_sets =
        Gen.Select(Gen.Int[0, Limit - 1], Gen.Int[0, 12], (offset, length) => new Extent(offset, Math.Min(length, Limit - offset)))
            .List[0, 12].Select(runs => ExtentSet.Of(runs));

    [Fact]
    public void Operations_mean_what_they_mean_on_sets_of_bytes() => Gen.Select(s_sets, s_sets).Sample((a, b) =>
    {
        HashSet<long> x = Bytes(a), y = Bytes(b);
        Assert.Equal(x.Union(y).Order(), Bytes(a.Union(b)).Order());
        Assert.Equal(x.Intersect(y).Order(), Bytes(a.Intersect(b)).Order());
        Assert.Equal(x.Except(y).Order(), Bytes(a.Subtract(b)).Order());
        Assert.Equal(Enumerable.Range(0, Limit).Select(i => (long)i).Except(x), Bytes(a.Invert(Limit)).Order());
    }, seed: "0000StillP00");

    [Fact]
    public void Runs_never_touch_and_stay_in_order() => Gen.Select(s_sets, s_sets).Sample((a, b) =>
    {
        foreach (var set in new[] { a, a.Union(b), a.Subtract(b), a.Intersect(b), a.AlignOut(8, Limit) })
            for (var i = 1; i < set.Count; i++) Assert.True(set[i].Offset > set[i - 1].End);
    }, seed: "0000StillP01");

    [Fact]
    public void Align_out_covers_whole_granules_and_respects_the_limit() => s_sets.Sample(a =>
    {
        var aligned = a.AlignOut(8, Limit - 3);
        foreach (var run in aligned)
        {
            Assert.Equal(0, run.Offset % 8);
            Assert.True(run.End % 8 == 0 || run.End == Limit - 3);
        }
        Assert.Equal(Bytes(a).Select(i => i / 8).Distinct().Where(granule => granule * 8 < Limit - 3).Order(), Bytes(aligned).Select(i => i / 8).Distinct().Order());
    }, seed: "0000StillP02");

    [Fact]
    public void Contains_finds_each_byte() => s_sets.Sample(a =>
    {
        var bytes = Bytes(a);
        for (var i = 0; i < Limit; i++) Assert.Equal(bytes.Contains(i), a.Contains(i));
    }, seed: "0000StillP03");

    [Fact]
    public void An_extent_past_63_bits_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Extent(long.MaxValue - 1, 2));

    private static HashSet<long> Bytes(ExtentSet set) =>
        [.. set.SelectMany(run => Enumerable.Range((int)run.Offset, (int)run.Length).Select(i => (long)i))];
}
