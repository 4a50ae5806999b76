using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Stillpoint.Chunks;

/// <summary>No vectors: one input at a time, on any machine.</summary>
internal readonly struct OneLane : ILanes<uint>
{
    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint All(uint word) => word;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Counting(uint first) => first;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Add(uint left, uint right) => unchecked(left + right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Xor(uint left, uint right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Right16(uint word) => BitOperations.RotateRight(word, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Right12(uint word) => BitOperations.RotateRight(word, 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Right8(uint word) => BitOperations.RotateRight(word, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Right7(uint word) => BitOperations.RotateRight(word, 7);

    public static void Transpose(ref byte block, nint stride, Span<uint> words)
    {
        var bytes = MemoryMarshal.CreateReadOnlySpan(ref block, 64);
        for (var i = 0; i < words.Length; i++) words[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * sizeof(uint))..]);
    }
}
