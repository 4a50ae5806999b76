using System.Collections.Concurrent;

namespace Stillpoint.VirtualDisks;

/// <summary>Copies a disk into an empty one: only where the source has data, and of that only what is not zero. One thread reads while another
/// writes; memory is a few pieces, whatever the size.</summary>
public static class DiskCopy
{
    private const int Piece = 2 << 20;
    private const int Pieces = 6;

    /// <summary>What is looked at for zeros: smaller than this, a run of zeros is written like data.</summary>
    private const int ZeroGranule = 64 << 10;

    /// <summary>Copies all of <paramref name="source"/>.</summary>
    /// <param name="source">Where to read.</param>
    /// <param name="target">Where to write; must read as zero all over, and be as large as the source or larger.</param>
    /// <param name="progress">Told the bytes of the disk that are done and the size.</param>
    /// <param name="cancel">Stops between two pieces.</param>
    public static void Run(VirtualDisk source, VirtualDisk target, Action<long, long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        if (target.Length < source.Length) throw new ArgumentException("the target is smaller than the source", nameof(target));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var empty = new BlockingCollection<byte[]>();
        using var filled = new BlockingCollection<(long Offset, int Length, byte[] Buffer)>();
        for (var i = 0; i < Pieces; i++) empty.Add(GC.AllocateUninitializedArray<byte>(Piece), CancellationToken.None);
        var reading = Task.Factory.StartNew(() => ReadAll(source, empty, filled, stop.Token), stop.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            foreach (var (offset, length, buffer) in filled.GetConsumingEnumerable(cancel))
            {
                WriteData(target, offset, buffer.AsSpan(0, length));
                empty.Add(buffer, cancel);
                progress?.Invoke(offset + length, source.Length);
            }
        }
        finally
        {
            stop.Cancel();
            try
            {
                reading.GetAwaiter().GetResult();
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // Ours, or the caller's, who hears of it from the loop above.
            }
        }
        cancel.ThrowIfCancellationRequested();
        target.Flush();
        progress?.Invoke(source.Length, source.Length);
    }

    private static void ReadAll(VirtualDisk source, BlockingCollection<byte[]> empty, BlockingCollection<(long, int, byte[])> filled, CancellationToken stop)
    {
        try
        {
            foreach (var run in source.Map())
            {
                if (!run.IsData) continue;
                for (var at = run.Offset; at < run.Offset + run.Length;)
                {
                    // Pieces end on whole pieces of the disk, so that blocks of the target are filled in one go.
                    var n = (int)Math.Min(Piece - (at % Piece), run.Offset + run.Length - at);
                    var buffer = empty.Take(stop);
                    source.Read(at, buffer.AsSpan(0, n));
                    filled.Add((at, n, buffer), stop);
                    at += n;
                }
            }
        }
        finally
        {
            filled.CompleteAdding();
        }
    }

    private static void WriteData(VirtualDisk target, long offset, ReadOnlySpan<byte> bytes)
    {
        var from = 0;
        while (from < bytes.Length)
        {
            var n = Math.Min(ZeroGranule, bytes.Length - from);
            if (!bytes.Slice(from, n).ContainsAnyExcept((byte)0))
            {
                from += n;
                continue;
            }
            var to = from + n;
            while (to < bytes.Length)
            {
                n = Math.Min(ZeroGranule, bytes.Length - to);
                if (!bytes.Slice(to, n).ContainsAnyExcept((byte)0)) break;
                to += n;
            }
            target.Write(offset + from, bytes[from..to]);
            from = to;
        }
    }
}
