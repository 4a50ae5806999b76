namespace Stillpoint.Extents;

/// <summary>Builds an <see cref="ExtentSet"/> from runs that come in order of their offsets, joining those that touch or overlap.</summary>
public sealed class ExtentSetBuilder
{
    private readonly List<Extent> _runs = [];

    /// <summary>Adds a run; an empty one is ignored.</summary>
    /// <exception cref="ArgumentException">The run starts before the start of the last one added.</exception>
    public void Add(Extent run)
    {
        if (run.IsEmpty) return;
        if (_runs.Count == 0)
        {
            _runs.Add(run);
            return;
        }
        var last = _runs[^1];
        if (run.Offset < last.Offset) throw new ArgumentException($"runs must come in order: {run} after {last}", nameof(run));
        if (run.Offset > last.End) _runs.Add(run);
        else if (run.End > last.End) _runs[^1] = Extent.FromBounds(last.Offset, run.End);
    }

    /// <summary>The set of all that was added.</summary>
    public ExtentSet Build() => ExtentSet.FromNormalized([.. _runs]);
}
