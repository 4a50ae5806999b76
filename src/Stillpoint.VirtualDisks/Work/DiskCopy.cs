namespace Stillpoint.VirtualDisks;

/// <summary>Copies a disk into an empty one: only where the source has data, and of that only what is not zero. A few workers each read a piece
/// and write it while it is in the processor's cache; memory is one piece a worker, whatever the size.</summary>
public static class DiskCopy
{
    private const int Piece = 1 << 20;

    /// <summary>What is looked at for zeros: smaller than this, a run of zeros is written like data.</summary>
    private const int ZeroGranule = 64 << 10;

    /// <summary>Written bytes after which the system is asked to put them down while the copy goes on.</summary>
    private const long Stride = 16 << 20;

    /// <summary>Copies all of <paramref name="source"/>.</summary>
    /// <param name="source">Where to read.</param>
    /// <param name="target">Where to write; must read as zero all over, and be as large as the source or larger.</param>
    /// <param name="progress">Told the bytes of the disk that are done and the size, by one thread at a time.</param>
    /// <param name="cancel">Stops between two pieces.</param>
    public static void Run(VirtualDisk source, VirtualDisk target, Action<long, long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        if (target.Length < source.Length) throw new ArgumentException("the target is smaller than the source", nameof(target));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var pieces = Pieces(source).GetEnumerator();
        var gate = new Lock();
        long copied = 0;
        var workers = new Task[Math.Clamp(Environment.ProcessorCount, 2, 4)];
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        Task.WhenAll(workers).GetAwaiter().GetResult();
        cancel.ThrowIfCancellationRequested();
        target.Flush();
        progress?.Invoke(source.Length, source.Length);

        void Work()
        {
            var buffer = GC.AllocateUninitializedArray<byte>(Piece);
            try
            {
                while (Next() is { Length: > 0 } piece)
                {
                    var bytes = buffer.AsSpan(0, piece.Length);
                    source.Read(piece.Offset, bytes);
                    WriteData(target, piece.Offset, bytes);
                    var now = Interlocked.Add(ref copied, piece.Length);
                    if (now / Stride != (now - piece.Length) / Stride) target.StartFlush();
                }
            }
            catch
            {
                stop.Cancel(); // the others need not go on
                throw;
            }
        }

        (long Offset, int Length) Next()
        {
            lock (gate)
            {
                if (stop.IsCancellationRequested || !pieces.MoveNext()) return default;
                progress?.Invoke(pieces.Current.Offset, source.Length);
                return pieces.Current;
            }
        }
    }

    /// <summary>What is to be copied, cut at whole pieces of the disk, so that blocks of the target are filled in one go.</summary>
    private static IEnumerable<(long Offset, int Length)> Pieces(VirtualDisk source)
    {
        foreach (var run in source.Map())
        {
            if (!run.IsData) continue;
            for (var at = run.Offset; at < run.Offset + run.Length;)
            {
                var n = (int)Math.Min(Piece - (at % Piece), run.Offset + run.Length - at);
                yield return (at, n);
                at += n;
            }
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
