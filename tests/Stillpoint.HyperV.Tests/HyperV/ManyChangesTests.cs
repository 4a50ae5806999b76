using Stillpoint.Extents;

namespace Stillpoint.HyperV.Tests;

/// <summary>Alone in the process, for it weighs the heap.</summary>
[CollectionDefinition(nameof(ManyChangesTests), DisableParallelization = true)]
public sealed class ManyChangesCollection;

[Collection(nameof(ManyChangesTests))]
public sealed class ManyChangesTests
{
    private const long DiskLength = 64L << 40;

    private const int Ranges = 1_000_000, AtOnce = 4096;

    [Fact]
    public async Task A_million_ranges_of_64_TB_pass_through_bounded_memory()
    {
        const long Step = DiskLength / Ranges;
        long before = GC.GetTotalMemory(forceFullCollection: true), most = 0;
        var questions = 0;
        await using var opened = new Opened(request =>
        {
            // What an answer leaves behind is garbage: weighed is what is held.
            if (questions++ % 32 == 0) most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
            long first = (long.Parse(request.Text("ByteOffset")) + Step - 1) / Step, last = Math.Min(first + AtOnce, Ranges);
            var processed = (last == Ranges ? DiskLength : last * Step) - long.Parse(request.Text("ByteOffset"));
            return ChangesTests.Answer(processed, [.. Enumerable.Range((int)first, (int)(last - first)).Select(i => (i * Step, 4096L))]);
        });

        var changes = await opened.Host.GetChangesAsync(@"C:\VMs\large.vhdx", "rctX:1", DiskLength, default);
        most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);

        Assert.Equal(Ranges, changes.Count);
        Assert.Equal(new Extent((Ranges - 1) * Step, 4096), changes[Ranges - 1]);
        Assert.Equal((Ranges + AtOnce - 1) / AtOnce, questions);
        Assert.InRange(most, 16L << 20, 64L << 20);
    }
}
