using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Stillpoint.Chunks;

/// <summary>Eight inputs at a time: AVX2.</summary>
internal readonly struct Lanes8 : ILanes<Vector256<uint>>
{
    public static bool IsSupported => Avx2.IsSupported;

    public static int Count => 8;

    private static Vector256<byte> ByTwoBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.Create(
        (byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    }

    private static Vector256<byte> ByOneByte
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.Create(
        (byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> All(uint word) => Vector256.Create(word);

    public static Vector256<uint> Counting(uint first) => Vector256.Create(first) + Vector256.CreateSequence(0u, 1u);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> left, Vector256<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> left, Vector256<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Right16(Vector256<uint> word) => Avx2.Shuffle(word.AsByte(), ByTwoBytes).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Right12(Vector256<uint> word) => (word >>> 12) | (word << 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Right8(Vector256<uint> word) => Avx2.Shuffle(word.AsByte(), ByOneByte).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Right7(Vector256<uint> word) => (word >>> 7) | (word << 25);

    /// <summary>Four rows at a time are turned within their 128-bit halves; then halves that belong together are joined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(ref byte block, nint stride, Span<Vector256<uint>> words)
    {
        for (var half = 0; half < 2; half++)
        {
            ref var at = ref Unsafe.Add(ref block, half * 32);
            Turn(ref at, stride, out var a0, out var a1, out var a2, out var a3);
            Turn(ref Unsafe.Add(ref at, stride * 4), stride, out var b0, out var b1, out var b2, out var b3);
            words[half * 8] = Avx2.Permute2x128(a0, b0, 0x20);
            words[half * 8 + 1] = Avx2.Permute2x128(a1, b1, 0x20);
            words[half * 8 + 2] = Avx2.Permute2x128(a2, b2, 0x20);
            words[half * 8 + 3] = Avx2.Permute2x128(a3, b3, 0x20);
            words[half * 8 + 4] = Avx2.Permute2x128(a0, b0, 0x31);
            words[half * 8 + 5] = Avx2.Permute2x128(a1, b1, 0x31);
            words[half * 8 + 6] = Avx2.Permute2x128(a2, b2, 0x31);
            words[half * 8 + 7] = Avx2.Permute2x128(a3, b3, 0x31);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(
        ref byte at, nint stride, out Vector256<uint> w0, out Vector256<uint> w1, out Vector256<uint> w2, out Vector256<uint> w3)
    {
        var r0 = Row(ref at);
        var r1 = Row(ref Unsafe.Add(ref at, stride));
        var r2 = Row(ref Unsafe.Add(ref at, stride * 2));
        var r3 = Row(ref Unsafe.Add(ref at, stride * 3));
        var a = Avx2.UnpackLow(r0, r1).AsUInt64();
        var b = Avx2.UnpackHigh(r0, r1).AsUInt64();
        var c = Avx2.UnpackLow(r2, r3).AsUInt64();
        var d = Avx2.UnpackHigh(r2, r3).AsUInt64();
        w0 = Avx2.UnpackLow(a, c).AsUInt32();
        w1 = Avx2.UnpackHigh(a, c).AsUInt32();
        w2 = Avx2.UnpackLow(b, d).AsUInt32();
        w3 = Avx2.UnpackHigh(b, d).AsUInt32();
    }

    private static Vector256<uint> Row(ref byte at) => Vector256.LoadUnsafe(ref at).AsUInt32();
}
