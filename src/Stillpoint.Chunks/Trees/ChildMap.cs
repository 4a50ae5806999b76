using System.Buffers.Binary;
using System.Numerics;

namespace Stillpoint.Chunks;

/// <summary>Which of a node's 128 children are there: 16 bytes, child 0 in the lowest bit of the first.</summary>
internal readonly record struct ChildMap(ulong Low, ulong High)
{
    public const int Size = 16;

    public int Count => BitOperations.PopCount(Low) + BitOperations.PopCount(High);

    public bool Has(int child) => ((child < 64 ? Low : High) >> (child & 63) & 1) != 0;

    /// <summary>Number of children below <paramref name="child"/> that are there.</summary>
    public int Before(int child)
    {
        var below = ~(ulong.MaxValue << (child & 63));
        return child < 64 ? BitOperations.PopCount(Low & below) : BitOperations.PopCount(Low) + BitOperations.PopCount(High & below);
    }

    public ChildMap With(int child) => child < 64 ? this with { Low = Low | 1UL << child } : this with { High = High | 1UL << (child - 64) };

    public static ChildMap Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Low);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], High);
    }
}
