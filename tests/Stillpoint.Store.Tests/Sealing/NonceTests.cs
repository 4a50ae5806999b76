using System.Security.Cryptography;
using Stillpoint.Chunks;

namespace Stillpoint.Store.Tests;

/// <summary>No two records share key and nonce: over sessions, threads, crashes and restarts. A pair is a pack's salt and a record's number.</summary>
public sealed class NonceTests
{
    private const int Sessions = 20;

    [Fact]
    public Task Two_hundred_thousand_records_share_none() => RunAsync(200_000);

    [Fact(Explicit = true)]
    [Trait("Kind", "Slow")]
    public Task Ten_million_records_share_none() => RunAsync(10_000_000);

    /// <summary>Each session is cut off and begun anew, as after a crash, at moments that differ; two threads seal at once in each.</summary>
    private static async Task RunAsync(int records)
    {
        using var keys = new DomainKeys(new byte[32], epoch: 3);
        // The real source: what is shown is that it, and no state of a session, tells packs apart.
        using var random = RandomNumberGenerator.Create();
        var salts = new Dictionary<ChunkId, int>();
        var pairs = new ulong[records];
        var used = 0;
        var gate = new Lock();
        var each = records / Sessions;
        await Parallel.ForEachAsync(Enumerable.Range(0, Sessions), async (session, _) =>
        {
            var crashes = new Random(session);
            for (var left = each; left > 0;)
            {
                var run = Math.Min(left, crashes.Next(1, each / 4));
                left -= run;
                using var sealer = new PackSealer(keys, random, 1);
                await Task.WhenAll(Seal(sealer, run / 2, session), Seal(sealer, run - run / 2, session));
            }
        });
        Assert.Equal(records, used);
        Array.Sort(pairs);
        for (var i = 1; i < pairs.Length; i++) Assert.True(pairs[i] != pairs[i - 1], $"pair {pairs[i]:x} came twice");
        Assert.InRange(salts.Count, Sessions * 4, records);
        TestContext.Current.TestOutputHelper?.WriteLine($"nonces: {records:N0} records in {salts.Count:N0} packs, no pair of key and nonce twice");

        Task Seal(PackSealer sealer, int count, int session) => Task.Run(() =>
        {
            var plain = new byte[16];
            plain[0] = (byte)session;
            var id = keys.IdOf(plain);
            // Taken up in batches, so that the lock does not order the threads.
            var batch = new List<(ChunkId Salt, uint Number)>(1024);
            for (var i = 0; i < count; i++)
            {
                var record = sealer.Seal(id, plain);
                batch.Add((ChunkId.Read(record.PackSalt.Span), record.Number));
                if (batch.Count == 1024 || i == count - 1) Take(batch);
            }
        });

        void Take(List<(ChunkId Salt, uint Number)> batch)
        {
            lock (gate)
            {
                foreach (var (salt, number) in batch)
                {
                    if (!salts.TryGetValue(salt, out var known)) salts.Add(salt, known = salts.Count);
                    pairs[used++] = (ulong)known << 32 | number;
                }
            }
            batch.Clear();
        }
    }
}
