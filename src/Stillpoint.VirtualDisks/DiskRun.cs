namespace Stillpoint.VirtualDisks;

/// <summary>A run of bytes of a disk.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
/// <param name="IsData">True where a file holds bytes; false where the run reads as zero.</param>
/// <param name="Layer">The file of the chain that says so: 0 is the leaf, 1 its parent.</param>
public readonly record struct DiskRun(long Offset, long Length, bool IsData, int Layer);

/// <summary>What one file of a chain says of a run.</summary>
internal enum RunState
{
    /// <summary>The file holds the bytes.</summary>
    Here,

    /// <summary>The file says zero, whatever its parent holds.</summary>
    Zero,

    /// <summary>The parent decides.</summary>
    Absent,
}

/// <summary>A run as one file alone sees it.</summary>
internal readonly record struct OwnRun(long Offset, long Length, RunState State);

internal static class RunJoiner
{
    /// <summary>Joins neighbours that say the same.</summary>
    internal static IEnumerable<DiskRun> Join(IEnumerable<DiskRun> runs)
    {
        DiskRun? last = null;
        foreach (var run in runs)
        {
            if (run.Length == 0) continue;
            if (last is { } l && l.IsData == run.IsData && l.Layer == run.Layer)
            {
                last = l with { Length = l.Length + run.Length };
                continue;
            }
            if (last is { } done) yield return done;
            last = run;
        }
        if (last is { } rest) yield return rest;
    }
}
