using System.Collections;

namespace Stillpoint.Extents;

/// <summary>
/// A set of bytes as sorted runs that neither touch nor overlap. Immutable; equal sets have equal runs. Every operation is linear in the
/// number of runs of its operands.
/// </summary>
public sealed class ExtentSet : IReadOnlyList<Extent>, IEquatable<ExtentSet>
{
    private readonly Extent[] _runs;

    private ExtentSet(Extent[] runs) => _runs = runs;

    /// <summary>The set without any byte.</summary>
    public static ExtentSet Empty { get; } = new([]);

    /// <summary>Number of runs.</summary>
    public int Count => _runs.Length;

    /// <summary>The run at <paramref name="index"/>, counted from the lowest offset.</summary>
    public Extent this[int index] => _runs[index];

    /// <summary>Number of bytes in the set.</summary>
    public long TotalLength => _runs.Sum(r => r.Length);

    /// <summary>True when the set holds no byte.</summary>
    public bool IsEmpty => _runs.Length == 0;

    /// <summary>First byte after the last run; 0 for the empty set.</summary>
    public long End => _runs.Length == 0 ? 0 : _runs[^1].End;

    /// <summary>The set of all bytes in <paramref name="extents"/>, which may come in any order, touch, overlap or be empty.</summary>
    public static ExtentSet Of(params IEnumerable<Extent> extents)
    {
        var sorted = extents.Where(e => !e.IsEmpty).ToArray();
        Array.Sort(sorted);
        var builder = new ExtentSetBuilder();
        foreach (var run in sorted) builder.Add(run);
        return builder.Build();
    }

    /// <summary>All bytes of a disk of <paramref name="length"/> bytes.</summary>
    public static ExtentSet Whole(long length) => length == 0 ? Empty : new([new Extent(0, length)]);

    /// <summary>Bytes in either set.</summary>
    public ExtentSet Union(ExtentSet other)
    {
        var builder = new ExtentSetBuilder();
        int i = 0, j = 0;
        while (i < _runs.Length || j < other._runs.Length)
        {
            if (j == other._runs.Length || (i < _runs.Length && _runs[i].Offset <= other._runs[j].Offset)) builder.Add(_runs[i++]);
            else builder.Add(other._runs[j++]);
        }
        return builder.Build();
    }

    /// <summary>Bytes in both sets.</summary>
    public ExtentSet Intersect(ExtentSet other)
    {
        var builder = new ExtentSetBuilder();
        int i = 0, j = 0;
        while (i < _runs.Length && j < other._runs.Length)
        {
            var common = _runs[i].Intersect(other._runs[j]);
            if (!common.IsEmpty) builder.Add(common);
            if (_runs[i].End <= other._runs[j].End) i++; else j++;
        }
        return builder.Build();
    }

    /// <summary>Bytes in this set that are not in <paramref name="other"/>.</summary>
    public ExtentSet Subtract(ExtentSet other)
    {
        var builder = new ExtentSetBuilder();
        var j = 0;
        foreach (var run in _runs)
        {
            var start = run.Offset;
            while (j < other._runs.Length && other._runs[j].End <= start) j++;
            for (var k = j; k < other._runs.Length && other._runs[k].Offset < run.End; k++)
            {
                if (other._runs[k].Offset > start) builder.Add(Extent.FromBounds(start, other._runs[k].Offset));
                start = Math.Max(start, other._runs[k].End);
            }
            if (start < run.End) builder.Add(Extent.FromBounds(start, run.End));
        }
        return builder.Build();
    }

    /// <summary>Bytes of <c>[0, length)</c> that are not in this set.</summary>
    public ExtentSet Invert(long length) => Whole(length).Subtract(this);

    /// <summary>Each run widened to whole granules and cut at <paramref name="limit"/>; neighbours that then meet become one.</summary>
    /// <param name="granule">Bytes; at least 1.</param>
    /// <param name="limit">First byte that may not be in the result, usually the disk's length.</param>
    public ExtentSet AlignOut(long granule, long limit)
    {
        var builder = new ExtentSetBuilder();
        foreach (var run in _runs) builder.Add(run.AlignOut(granule, limit));
        return builder.Build();
    }

    /// <summary>True when the byte at <paramref name="position"/> is in the set.</summary>
    public bool Contains(long position)
    {
        int low = 0, high = _runs.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (position < _runs[middle].Offset) high = middle - 1;
            else if (position >= _runs[middle].End) low = middle + 1;
            else return true;
        }
        return false;
    }

    /// <inheritdoc/>
    public IEnumerator<Extent> GetEnumerator() => ((IEnumerable<Extent>)_runs).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _runs.GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(ExtentSet? other) => other is not null && _runs.AsSpan().SequenceEqual(other._runs);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ExtentSet);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var run in _runs) hash.Add(run);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(' ', _runs);

    internal static ExtentSet FromNormalized(Extent[] runs) => runs.Length == 0 ? Empty : new(runs);
}
