using System.Buffers.Binary;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>The part of an id that a run keeps: its first 14 bytes. Ids are hashes, so 112 bits tell a billion of them apart with a chance of
/// error of 2^-53, and whoever reads a record sees the whole id in its header.</summary>
/// <param name="Head">Bytes 0 to 7, as a number.</param>
/// <param name="Tail">Bytes 8 to 13, as a number.</param>
internal readonly record struct RunKey(ulong Head, ulong Tail) : IComparable<RunKey>
{
    public const int Size = 14;

    public static RunKey Of(ChunkId id) => new(id.A, id.B >> 16);

    public int CompareTo(RunKey other) => Head != other.Head ? Head.CompareTo(other.Head) : Tail.CompareTo(other.Tail);
}

/// <summary>An entry of a run: a record, and where it lies. Entries are sorted by key; two packs that hold the same chunk have an entry
/// each, so that either may go.</summary>
/// <param name="Key">What is kept of the id.</param>
/// <param name="Pack">Number of the pack in the run's table, below 2^24.</param>
/// <param name="Offset">Where the record's header starts.</param>
/// <param name="StoredLength">Bytes behind that header, below 2^24.</param>
internal readonly record struct RunEntry(RunKey Key, int Pack, uint Offset, int StoredLength) : IComparable<RunEntry>
{
    public const int Size = 24;

    public static RunEntry Read(ReadOnlySpan<byte> at)
    {
        var tail = BinaryPrimitives.ReadUInt64BigEndian(at[8..]);
        var lengthAndOffset = BinaryPrimitives.ReadUInt64BigEndian(at[16..]);
        return new RunEntry(
            new RunKey(BinaryPrimitives.ReadUInt64BigEndian(at), tail >> 16),
            (int)((tail & 0xffff) << 8 | lengthAndOffset >> 56), (uint)(lengthAndOffset >> 24 & uint.MaxValue), (int)(lengthAndOffset & 0xffffff));
    }

    public static RunKey ReadKey(ReadOnlySpan<byte> at) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(at), BinaryPrimitives.ReadUInt64BigEndian(at[8..]) >> 16);

    public void Write(Span<byte> at)
    {
        BinaryPrimitives.WriteUInt64BigEndian(at, Key.Head);
        BinaryPrimitives.WriteUInt64BigEndian(at[8..], Key.Tail << 16 | (uint)Pack >> 8);
        BinaryPrimitives.WriteUInt64BigEndian(at[16..], (ulong)(Pack & 0xff) << 56 | (ulong)Offset << 24 | (uint)StoredLength);
    }

    public int CompareTo(RunEntry other) => Key.CompareTo(other.Key);
}
