namespace Stillpoint.Store.Tests;

/// <summary>A fixed number of spoiled inputs for one reader.</summary>
internal static class FuzzShare
{
    /// <param name="target">The reader.</param>
    /// <param name="rounds">How many; the round is the seed.</param>
    /// <param name="mostMemory">Bytes that one input may take.</param>
    public static void Run(FuzzTarget target, int rounds, long mostMemory)
    {
        Assert.Contains(target.Seeds, seed => target.Read((byte[])seed.Clone()));
        var refused = 0;
        for (var round = 0; round < rounds; round++)
        {
            var spoiled = Mutation.Of(target.Seeds[round % target.Seeds.Count], round);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                if (!target.Read(spoiled)) refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"{target.Name}, round {round}: {e}");
            }
            var taken = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(taken < mostMemory, $"{target.Name}, round {round}: {taken} bytes were taken for an input of {spoiled.Length}");
        }
        // Neither a reader that takes everything nor one that takes nothing is being tested.
        Assert.InRange(refused, rounds / 100, rounds - 1);
    }
}
