namespace Stillpoint.VirtualDisks;

/// <summary>Writes what a child's file alone holds over its parent. Doing it twice does no harm.</summary>
internal static class MergeCopy
{
    private const int Piece = 2 << 20;

    internal static void Run(VirtualDisk child, VirtualDisk parent, VhdxMergeOptions options, CancellationToken cancel)
    {
        var buffer = new byte[Piece];
        foreach (var run in child.OwnRuns(0, child.Length))
        {
            if (run.State == RunState.Absent) continue;
            for (long done = 0; done < run.Length;)
            {
                cancel.ThrowIfCancellationRequested();
                var n = run.Length - done;
                if (run.State == RunState.Zero)
                {
                    parent.Zero(run.Offset + done, n);
                }
                else
                {
                    n = Math.Min(Piece, n);
                    var piece = buffer.AsSpan(0, (int)n);
                    child.Read(run.Offset + done, piece);
                    parent.Write(run.Offset + done, piece);
                }
                done += n;
                options.Progress?.Invoke(run.Offset + done, child.Length);
            }
        }
        options.Progress?.Invoke(child.Length, child.Length);
    }
}
