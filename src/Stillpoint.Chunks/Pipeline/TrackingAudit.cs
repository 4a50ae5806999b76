using System.Buffers;
using System.Collections.Concurrent;
using Stillpoint.Extents;

namespace Stillpoint.Chunks;

/// <summary>What a tracking audit found.</summary>
/// <param name="BytesAudited">Bytes read for it.</param>
/// <param name="Missed">Chunks outside the change list that differ from the base all the same; empty when tracking held.</param>
public sealed record AuditResult(long BytesAudited, ExtentSet Missed);

/// <summary>
/// Proves change tracking by sample: reads random chunks that the change list does not touch and compares their ids with the base's. One
/// difference means that tracking missed a write and the disk must be read in full.
/// </summary>
public static class TrackingAudit
{
    /// <summary>Chunks that are looked at by default.</summary>
    public const int DefaultSample = 256;

    /// <summary>Looked at side by side: over a network each waits for a few round trips.</summary>
    private const int AtOnce = 16;

    /// <param name="reader">A session that can read the base's tree.</param>
    /// <param name="keys">The domain's keys.</param>
    /// <param name="work">Source, change list and base root of the disk.</param>
    /// <param name="random">Picks the chunks.</param>
    /// <param name="sample">How many; all there are when fewer.</param>
    /// <param name="cancel">Ends it.</param>
    public static async Task<AuditResult> RunAsync(
        IImageReader reader, DomainKeys keys, DiskWork work, Random random, int sample, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(work);
        ArgumentNullException.ThrowIfNull(random);
        var shape = TreeShape.Checked(work.Source.Length, reader.Unit.ChunkSize);
        var tree = new TreeReader(reader, shape, work.BaseRoot);
        var data = work.Source.Data;
        var missed = new ConcurrentBag<Extent>();
        var bytes = 0L;
        var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel };
        await Parallel.ForEachAsync(Sample(shape, work.Changed ?? ExtentSet.Empty, data, random, sample), options, async (chunk, token) =>
        {
            var place = new Extent(chunk * shape.ChunkSize, shape.LengthOf(chunk));
            var (id, read) = Touches(data, place) ? await NameAsync(work.Source, keys, place, token) : default;
            Interlocked.Add(ref bytes, read);
            if (id != await tree.FindAsync(chunk, token)) missed.Add(place);
        });
        return new AuditResult(bytes, ExtentSet.Of(missed));
    }

    private static async ValueTask<(ChunkId Id, long Read)> NameAsync(IDiskSource source, DomainKeys keys, Extent place, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)place.Length);
        try
        {
            var plain = buffer.AsMemory(0, (int)place.Length);
            await source.ReadAsync(place.Offset, plain, cancel);
            return (plain.Span.ContainsAnyExcept((byte)0) ? keys.IdOf(plain.Span) : default, place.Length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Three of four chunks where the disk holds data, since a sample over a sparse disk's whole length would mostly find holes; the rest
    /// anywhere, for data that became a hole.</summary>
    internal static IReadOnlyCollection<long> Sample(TreeShape shape, ExtentSet changed, ExtentSet data, Random random, int sample)
    {
        var outside = changed.Union(data.AlignOut(shape.ChunkSize, shape.Length).Invert(shape.Length));
        var picked = new SortedSet<long>(Pick(shape, outside, random, sample - sample / 4));
        var taken = ExtentSet.Of(picked.Select(chunk => new Extent(chunk * shape.ChunkSize, shape.LengthOf(chunk))));
        picked.UnionWith(Pick(shape, changed.Union(taken), random, sample - picked.Count));
        return picked;
    }

    /// <summary>Distinct random chunks that no changed range touches, ascending.</summary>
    internal static IReadOnlyCollection<long> Pick(TreeShape shape, ExtentSet changed, Random random, int sample)
    {
        var free = changed.AlignOut(shape.ChunkSize, shape.Length).Invert(shape.Length);
        var ends = new long[free.Count];
        var total = 0L;
        for (var i = 0; i < free.Count; i++) ends[i] = total += new TreeShape(free[i].Length, shape.ChunkSize).ChunkCount;
        var picked = new SortedSet<long>();
        if (total <= sample)
        {
            for (var nth = 0L; nth < total; nth++) picked.Add(Nth(nth));
            return picked;
        }
        while (picked.Count < sample) picked.Add(Nth(random.NextInt64(total)));
        return picked;

        long Nth(long nth)
        {
            var run = Array.BinarySearch(ends, nth + 1);
            if (run < 0) run = ~run;
            return free[run].Offset / shape.ChunkSize + nth - (run == 0 ? 0 : ends[run - 1]);
        }
    }

    private static bool Touches(ExtentSet data, Extent place)
    {
        int low = 0, high = data.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (data[middle].End <= place.Offset) low = middle + 1;
            else high = middle;
        }
        return low < data.Count && data[low].Offset < place.End;
    }
}
