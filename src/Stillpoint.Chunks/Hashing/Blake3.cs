using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Stillpoint.Chunks;

/// <summary>
/// BLAKE3 with a key, 32 bytes out, after its specification (version 20211102; sections 2.1 to 2.5). A message is cut into leaves of 1 KiB, which are
/// hashed side by side, one a vector lane: 16 with AVX-512, 8 with AVX2, 4 with 128-bit vectors, else one by one. Then pairs of values, level
/// by level, up to the root. All widths give the same hash.
/// </summary>
internal static class Blake3
{
    /// <summary>Bytes of a key and of a hash.</summary>
    public const int Size = 32;

    private const int Leaf = 1024, Block = 64, ValueWords = 8;
    private const uint LeafStart = 1, LeafEnd = 2, Parent = 4, Root = 8, WithKey = 16;

    /// <summary>Values held on the stack: those of a chunk of 1 MiB.</summary>
    private const int OnStack = 1024;

    /// <summary>First four words of the initial state, that of SHA-256.</summary>
    private static ReadOnlySpan<uint> Initial => [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A];

    /// <summary>Which word each of the 16 places of a round takes, for 7 rounds: each row is the one before it, permuted (table 2).</summary>
    private static ReadOnlySpan<byte> Schedule =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8,
        3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1,
        10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6,
        12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4,
        9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7,
        11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13,
    ];

    /// <summary>Inputs that this machine hashes at once: 16, 8, 4 or 1.</summary>
    public static int Widest { get; } =
        Lanes16.IsSupported ? 16 : Lanes8.IsSupported ? 8 : Lanes4.IsSupported ? 4 : 1;

    /// <summary>Writes the hash of <paramref name="message"/> under <paramref name="key"/>, both hash and key 32 bytes.</summary>
    public static void HashKeyed(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, Span<byte> hash) => HashKeyed(key, message, hash, Widest);

    /// <summary>As above with vectors of at most <paramref name="width"/> lanes, which the machine must have.</summary>
    [SkipLocalsInit]
    internal static void HashKeyed(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, Span<byte> hash, int width)
    {
        if (key.Length != Size || hash.Length != Size) throw new ArgumentException("key and hash have 32 bytes each", nameof(key));
        Span<uint> start = stackalloc uint[ValueWords];
        ReadWords(key, start);
        Span<uint> root = stackalloc uint[ValueWords];
        if (message.Length <= Leaf)
        {
            HashLeaf(start, message, 0, Root, root);
        }
        else
        {
            var leaves = (message.Length - 1) / Leaf + 1;
            // Lanes past the last pair read what is there and their results are written over: hence the slack.
            var size = (leaves + 2 * Lanes16.Count) * ValueWords;
            var rented = leaves > OnStack ? ArrayPool<uint>.Shared.Rent(size) : null;
            var values = rented is null ? stackalloc uint[(OnStack + 2 * Lanes16.Count) * ValueWords] : rented;
            HashLeaves(start, message, values, width);
            HashParents(start, leaves, values, width);
            Lane(new Input(start, 0, counting: false, Parent | Root, Parent | Root, Block), MemoryMarshal.AsBytes(values[..(2 * ValueWords)]), 1, root);
            if (rented is not null) ArrayPool<uint>.Shared.Return(rented);
        }
        WriteWords(root, hash);
    }

    private static void HashLeaves(ReadOnlySpan<uint> start, ReadOnlySpan<byte> message, Span<uint> values, int width)
    {
        var whole = message.Length / Leaf;
        for (var first = 0; first < whole;)
        {
            if (whole < width || width == 1)
            {
                HashLeaf(start, message.Slice(first * Leaf, Leaf), (uint)first, 0, values[(first * ValueWords)..]);
                first++;
                continue;
            }
            // Some leaves twice, rather than a rest too few for the lanes.
            var from = Math.Min(first, whole - width);
            var input = new Input(start, (uint)from, counting: true, LeafStart, LeafEnd, Block);
            HashLanes(input, message[(from * Leaf)..], Leaf, Leaf / Block, values[(from * ValueWords)..], width);
            first = from + width;
        }
        if (message.Length % Leaf != 0) HashLeaf(start, message[(whole * Leaf)..], (uint)whole, 0, values[(whole * ValueWords)..]);
    }

    /// <summary>Level by level until two values are left. One without a partner goes up as it is.</summary>
    private static void HashParents(ReadOnlySpan<uint> start, int count, Span<uint> values, int width)
    {
        var input = new Input(start, 0, counting: false, Parent, Parent, Block);
        Span<uint> odd = stackalloc uint[ValueWords];
        for (; count > 2; count = count / 2 + count % 2)
        {
            values.Slice((count - 1) * ValueWords, ValueWords).CopyTo(odd);
            // In place: a pair's value lies at or before the pair, and lanes read all their input before they write.
            for (var pair = 0; pair < count / 2; pair += width)
                HashLanes(input, MemoryMarshal.AsBytes(values[(pair * 2 * ValueWords)..]), Block, 1, values[(pair * ValueWords)..], width);
            if (count % 2 != 0) odd.CopyTo(values[(count / 2 * ValueWords)..]);
        }
    }

    /// <summary>One leaf of up to 1 KiB; only a message's last one may be short.</summary>
    private static void HashLeaf(ReadOnlySpan<uint> start, ReadOnlySpan<byte> leaf, uint number, uint flags, Span<uint> value)
    {
        var before = Math.Max(0, (leaf.Length - 1) / Block);
        var last = leaf[(before * Block)..];
        Span<byte> block = stackalloc byte[Block];
        block.Clear();
        last.CopyTo(block);
        Span<uint> between = stackalloc uint[ValueWords];
        if (before > 0) Lane(new Input(start, number, counting: false, LeafStart, 0, Block), leaf, before, between);
        else start.CopyTo(between);
        var end = LeafEnd | flags | (before == 0 ? LeafStart : 0);
        Lane(new Input(between, number, counting: false, end, end, (uint)last.Length), block, 1, value);
    }

    private static void Lane(in Input input, ReadOnlySpan<byte> blocks, int count, Span<uint> value) =>
        Compress<OneLane, uint>(input, ref MemoryMarshal.GetReference(blocks), 0, count, value);

    private static void HashLanes(in Input input, ReadOnlySpan<byte> inputs, int stride, int blocks, Span<uint> values, int width)
    {
        ref var first = ref MemoryMarshal.GetReference(inputs);
        switch (width)
        {
            case 16: Compress<Lanes16, Vector512<uint>>(input, ref first, stride, blocks, values); break;
            case 8: Compress<Lanes8, Vector256<uint>>(input, ref first, stride, blocks, values); break;
            case 4: Compress<Lanes4, Vector128<uint>>(input, ref first, stride, blocks, values); break;
            default: Compress<OneLane, uint>(input, ref first, stride, blocks, values); break;
        }
    }

    /// <summary>Compresses the blocks of as many inputs as there are lanes and writes their values one after the other. It is where the time goes,
    /// so it must not ask for full strength: that keeps it from being compiled ahead, and a short backup waits for the compiler.</summary>
    [SkipLocalsInit]
    private static void Compress<TLanes, T>(in Input input, ref byte blocks, nint stride, int count, Span<uint> values)
        where TLanes : ILanes<T>
        where T : unmanaged
    {
        Span<T> value = stackalloc T[ValueWords];
        Span<T> words = stackalloc T[Block / sizeof(uint)];
        for (var i = 0; i < ValueWords; i++) value[i] = TLanes.All(input.Start[i]);
        var counter = input.Counting ? TLanes.Counting(input.Number) : TLanes.All(input.Number);
        for (var block = 0; block < count; block++)
        {
            TLanes.Transpose(ref Unsafe.Add(ref blocks, block * Block), stride, words);
            var flags = WithKey | (block == 0 ? input.FirstFlags : 0) | (block == count - 1 ? input.LastFlags : 0);
            T s0 = value[0], s1 = value[1], s2 = value[2], s3 = value[3], s4 = value[4], s5 = value[5], s6 = value[6], s7 = value[7];
            T s8 = TLanes.All(Initial[0]), s9 = TLanes.All(Initial[1]), s10 = TLanes.All(Initial[2]), s11 = TLanes.All(Initial[3]);
            T s12 = counter, s13 = TLanes.All(0), s14 = TLanes.All(block == count - 1 ? input.LastLength : Block), s15 = TLanes.All(flags);
            ref var word = ref MemoryMarshal.GetReference(words);
            ref var place = ref MemoryMarshal.GetReference(Schedule);
            for (var round = 0; round < 7; round++)
            {
                Mix<TLanes, T>(ref s0, ref s4, ref s8, ref s12, Word(ref word, place), Word(ref word, Unsafe.Add(ref place, 1)));
                Mix<TLanes, T>(ref s1, ref s5, ref s9, ref s13, Word(ref word, Unsafe.Add(ref place, 2)), Word(ref word, Unsafe.Add(ref place, 3)));
                Mix<TLanes, T>(ref s2, ref s6, ref s10, ref s14, Word(ref word, Unsafe.Add(ref place, 4)), Word(ref word, Unsafe.Add(ref place, 5)));
                Mix<TLanes, T>(ref s3, ref s7, ref s11, ref s15, Word(ref word, Unsafe.Add(ref place, 6)), Word(ref word, Unsafe.Add(ref place, 7)));
                Mix<TLanes, T>(ref s0, ref s5, ref s10, ref s15, Word(ref word, Unsafe.Add(ref place, 8)), Word(ref word, Unsafe.Add(ref place, 9)));
                Mix<TLanes, T>(ref s1, ref s6, ref s11, ref s12, Word(ref word, Unsafe.Add(ref place, 10)), Word(ref word, Unsafe.Add(ref place, 11)));
                Mix<TLanes, T>(ref s2, ref s7, ref s8, ref s13, Word(ref word, Unsafe.Add(ref place, 12)), Word(ref word, Unsafe.Add(ref place, 13)));
                Mix<TLanes, T>(ref s3, ref s4, ref s9, ref s14, Word(ref word, Unsafe.Add(ref place, 14)), Word(ref word, Unsafe.Add(ref place, 15)));
                place = ref Unsafe.Add(ref place, 16);
            }
            value[0] = TLanes.Xor(s0, s8);
            value[1] = TLanes.Xor(s1, s9);
            value[2] = TLanes.Xor(s2, s10);
            value[3] = TLanes.Xor(s3, s11);
            value[4] = TLanes.Xor(s4, s12);
            value[5] = TLanes.Xor(s5, s13);
            value[6] = TLanes.Xor(s6, s14);
            value[7] = TLanes.Xor(s7, s15);
        }
        var lanes = MemoryMarshal.Cast<T, uint>(value);
        for (var lane = 0; lane < TLanes.Count; lane++)
            for (var i = 0; i < ValueWords; i++) values[lane * ValueWords + i] = lanes[i * TLanes.Count + lane];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Word<T>(ref T words, byte place) => Unsafe.Add(ref words, (nint)place);

    /// <summary>The quarter round (section 2.2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix<TLanes, T>(ref T a, ref T b, ref T c, ref T d, T x, T y)
        where TLanes : ILanes<T>
        where T : unmanaged
    {
        a = TLanes.Add(TLanes.Add(a, b), x);
        d = TLanes.Right16(TLanes.Xor(d, a));
        c = TLanes.Add(c, d);
        b = TLanes.Right12(TLanes.Xor(b, c));
        a = TLanes.Add(TLanes.Add(a, b), y);
        d = TLanes.Right8(TLanes.Xor(d, a));
        c = TLanes.Add(c, d);
        b = TLanes.Right7(TLanes.Xor(b, c));
    }

    private static void ReadWords(ReadOnlySpan<byte> bytes, Span<uint> words)
    {
        for (var i = 0; i < ValueWords; i++) words[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * 4)..]);
    }

    private static void WriteWords(ReadOnlySpan<uint> words, Span<byte> bytes)
    {
        for (var i = 0; i < ValueWords; i++) BinaryPrimitives.WriteUInt32LittleEndian(bytes[(i * 4)..], words[i]);
    }

    /// <summary>What is compressed.</summary>
    /// <param name="start">The value that each lane starts from, 8 words.</param>
    /// <param name="number">Number of the first lane's leaf.</param>
    /// <param name="counting">True when the lanes hold consecutive leaves.</param>
    /// <param name="firstFlags">Flags of the first block.</param>
    /// <param name="lastFlags">Flags of the last block.</param>
    /// <param name="lastLength">Bytes of the last block.</param>
    private readonly ref struct Input(ReadOnlySpan<uint> start, uint number, bool counting, uint firstFlags, uint lastFlags, uint lastLength)
    {
        public readonly ReadOnlySpan<uint> Start = start;
        public readonly uint Number = number, FirstFlags = firstFlags, LastFlags = lastFlags, LastLength = lastLength;
        public readonly bool Counting = counting;
    }
}
