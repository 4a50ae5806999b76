namespace Stillpoint.Extents;

/// <summary>A run of bytes: <c>[Offset, Offset + Length)</c>. Offset and length are never negative and their sum fits 63 bits.</summary>
public readonly record struct Extent : IComparable<Extent>
{
    /// <param name="offset">First byte.</param>
    /// <param name="length">Number of bytes; 0 is allowed and means nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is negative or the end does not fit in 63 bits.</exception>
    public Extent(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue - offset);
        Offset = offset;
        Length = length;
    }

    /// <summary>First byte.</summary>
    public long Offset { get; }

    /// <summary>Number of bytes.</summary>
    public long Length { get; }

    /// <summary>First byte after the run.</summary>
    public long End => Offset + Length;

    /// <summary>True when the run holds no byte.</summary>
    public bool IsEmpty => Length == 0;

    /// <summary>The run from <paramref name="start"/> up to, not including, <paramref name="end"/>.</summary>
    public static Extent FromBounds(long start, long end) => new(start, checked(end - start));

    /// <summary>The bytes in both runs; empty when they do not meet.</summary>
    public Extent Intersect(Extent other)
    {
        var start = Math.Max(Offset, other.Offset);
        var end = Math.Min(End, other.End);
        return end > start ? FromBounds(start, end) : new Extent(start, 0);
    }

    /// <summary>True when the run holds the byte at <paramref name="position"/>.</summary>
    public bool Contains(long position) => position >= Offset && position < End;

    /// <summary>The smallest run of whole granules that holds this one, cut at <paramref name="limit"/>.</summary>
    public Extent AlignOut(long granule, long limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(granule);
        var start = Offset / granule * granule;
        var rest = End % granule;
        var end = rest == 0 ? End : End > long.MaxValue - (granule - rest) ? long.MaxValue : End + (granule - rest);
        end = Math.Min(end, limit);
        return end > start ? FromBounds(start, end) : new Extent(start, 0);
    }

    /// <summary>By offset, then by length.</summary>
    public int CompareTo(Extent other)
    {
        var byOffset = Offset.CompareTo(other.Offset);
        return byOffset != 0 ? byOffset : Length.CompareTo(other.Length);
    }

    public static bool operator <(Extent left, Extent right) => left.CompareTo(right) < 0;
    public static bool operator >(Extent left, Extent right) => left.CompareTo(right) > 0;
    public static bool operator <=(Extent left, Extent right) => left.CompareTo(right) <= 0;
    public static bool operator >=(Extent left, Extent right) => left.CompareTo(right) >= 0;

    /// <summary><c>offset+length</c> in bytes.</summary>
    public override string ToString() => $"{Offset}+{Length}";
}
