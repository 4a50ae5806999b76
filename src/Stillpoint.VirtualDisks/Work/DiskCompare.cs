namespace Stillpoint.VirtualDisks;

/// <summary>Compares what two disks read as, whatever their formats.</summary>
public static class DiskCompare
{
    private const int Piece = 1 << 20;

    /// <summary>The first byte where the disks differ, or null. A longer disk is equal when all past the other's end is zero.</summary>
    /// <param name="a">One disk.</param>
    /// <param name="b">The other.</param>
    /// <param name="progress">Told the bytes that are done and the size.</param>
    /// <param name="cancel">Stops between two pieces.</param>
    public static long? FirstDifference(VirtualDisk a, VirtualDisk b, Action<long, long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        var length = Math.Max(a.Length, b.Length);
        byte[] first = new byte[Piece], second = new byte[Piece];
        // Where neither has data both are zero.
        foreach (var run in Interesting(a, b))
        {
            for (var at = run.From; at < run.To;)
            {
                cancel.ThrowIfCancellationRequested();
                var n = (int)Math.Min(Piece, run.To - at);
                a.ReadOrZero(at, first.AsSpan(0, n));
                b.ReadOrZero(at, second.AsSpan(0, n));
                var same = first.AsSpan(0, n).CommonPrefixLength(second.AsSpan(0, n));
                if (same < n) return at + same;
                at += n;
                progress?.Invoke(at, length);
            }
        }
        progress?.Invoke(length, length);
        return null;
    }

    /// <summary>The union of both maps, walked without holding either.</summary>
    private static IEnumerable<(long From, long To)> Interesting(VirtualDisk a, VirtualDisk b)
    {
        using var x = a.Map().Where(r => r.IsData).GetEnumerator();
        using var y = b.Map().Where(r => r.IsData).GetEnumerator();
        bool moreX = x.MoveNext(), moreY = y.MoveNext();
        var done = 0L;
        while (moreX || moreY)
        {
            var fromX = moreX && (!moreY || x.Current.Offset <= y.Current.Offset);
            var run = fromX ? x.Current : y.Current;
            var (start, end) = (Math.Max(run.Offset, done), run.Offset + run.Length);
            if (end > start) yield return (start, end);
            done = Math.Max(done, end);
            if (fromX) moreX = x.MoveNext();
            else moreY = y.MoveNext();
        }
    }
}
