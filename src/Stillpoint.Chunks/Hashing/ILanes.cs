namespace Stillpoint.Chunks;

/// <summary>What <see cref="Blake3"/> asks of a vector type: the same step on the 32-bit words of several inputs at once, one input a lane.</summary>
internal interface ILanes<T>
    where T : unmanaged
{
    /// <summary>Inputs worked on at once.</summary>
    static abstract int Count { get; }

    /// <summary>The word in every lane.</summary>
    static abstract T All(uint word);

    /// <summary>first, first + 1, … up the lanes.</summary>
    static abstract T Counting(uint first);

    static abstract T Add(T left, T right);

    static abstract T Xor(T left, T right);

    static abstract T Right16(T word);

    static abstract T Right12(T word);

    static abstract T Right8(T word);

    static abstract T Right7(T word);

    /// <summary>Reads a block of 64 bytes of every input, of which each starts <paramref name="stride"/> bytes after the one before, and gives
    /// its 16 words: word <i>i</i> of all inputs in <paramref name="words"/>[<i>i</i>].</summary>
    static abstract void Transpose(ref byte block, nint stride, Span<T> words);
}
