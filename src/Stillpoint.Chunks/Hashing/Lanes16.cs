using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Stillpoint.Chunks;

/// <summary>Sixteen inputs at a time: AVX-512.</summary>
internal readonly struct Lanes16 : ILanes<Vector512<uint>>
{
    /// <summary>Where the machine has the instructions and the runtime holds them to be no slower than two halves.</summary>
    public static bool IsSupported => Avx512F.IsSupported && Vector512.IsHardwareAccelerated;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> All(uint word) => Vector512.Create(word);

    public static Vector512<uint> Counting(uint first) => Vector512.Create(first) + Vector512.CreateSequence(0u, 1u);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Add(Vector512<uint> left, Vector512<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> left, Vector512<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Right16(Vector512<uint> word) => Avx512F.RotateRight(word, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Right12(Vector512<uint> word) => Avx512F.RotateRight(word, 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Right8(Vector512<uint> word) => Avx512F.RotateRight(word, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Right7(Vector512<uint> word) => Avx512F.RotateRight(word, 7);

    /// <summary>Four rows at a time are turned within their 128-bit quarters; then the quarters, as a square of four by four, are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(ref byte block, nint stride, Span<Vector512<uint>> words)
    {
        for (var group = 0; group < 4; group++)
        {
            ref var at = ref Unsafe.Add(ref block, stride * (group * 4));
            var r0 = Row(ref at);
            var r1 = Row(ref Unsafe.Add(ref at, stride));
            var r2 = Row(ref Unsafe.Add(ref at, stride * 2));
            var r3 = Row(ref Unsafe.Add(ref at, stride * 3));
            var a = Avx512F.UnpackLow(r0, r1).AsUInt64();
            var b = Avx512F.UnpackHigh(r0, r1).AsUInt64();
            var c = Avx512F.UnpackLow(r2, r3).AsUInt64();
            var d = Avx512F.UnpackHigh(r2, r3).AsUInt64();
            words[group] = Avx512F.UnpackLow(a, c).AsUInt32();
            words[group + 4] = Avx512F.UnpackHigh(a, c).AsUInt32();
            words[group + 8] = Avx512F.UnpackLow(b, d).AsUInt32();
            words[group + 12] = Avx512F.UnpackHigh(b, d).AsUInt32();
        }
        // words[4k + g] holds, in quarter q, word 4q + k of rows 4g to 4g + 3; wanted is word 4q + k of all rows in words[4q + k].
        var (q00, q01, q02, q03) = Quarters(words);
        var (q10, q11, q12, q13) = Quarters(words[4..]);
        var (q20, q21, q22, q23) = Quarters(words[8..]);
        var (q30, q31, q32, q33) = Quarters(words[12..]);
        (words[0], words[1], words[2], words[3]) = (q00, q10, q20, q30);
        (words[4], words[5], words[6], words[7]) = (q01, q11, q21, q31);
        (words[8], words[9], words[10], words[11]) = (q02, q12, q22, q32);
        (words[12], words[13], words[14], words[15]) = (q03, q13, q23, q33);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<uint> Q0, Vector512<uint> Q1, Vector512<uint> Q2, Vector512<uint> Q3) Quarters(Span<Vector512<uint>> rows)
    {
        var even01 = Avx512F.Shuffle4x128(rows[0], rows[1], 0x88);
        var odd01 = Avx512F.Shuffle4x128(rows[0], rows[1], 0xDD);
        var even23 = Avx512F.Shuffle4x128(rows[2], rows[3], 0x88);
        var odd23 = Avx512F.Shuffle4x128(rows[2], rows[3], 0xDD);
        return (Avx512F.Shuffle4x128(even01, even23, 0x88), Avx512F.Shuffle4x128(odd01, odd23, 0x88),
            Avx512F.Shuffle4x128(even01, even23, 0xDD), Avx512F.Shuffle4x128(odd01, odd23, 0xDD));
    }

    private static Vector512<uint> Row(ref byte at) => Vector512.LoadUnsafe(ref at).AsUInt32();
}
