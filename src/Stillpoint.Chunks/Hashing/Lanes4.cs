using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Stillpoint.Chunks;

/// <summary>Four inputs at a time: SSSE3, or AdvSimd on Arm.</summary>
internal readonly struct Lanes4 : ILanes<Vector128<uint>>
{
    public static bool IsSupported => BitConverter.IsLittleEndian && (Ssse3.IsSupported || AdvSimd.Arm64.IsSupported);

    public static int Count => 4;

    private static Vector128<byte> ByTwoBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create((byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    }

    private static Vector128<byte> ByOneByte
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create((byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> All(uint word) => Vector128.Create(word);

    public static Vector128<uint> Counting(uint first) => Vector128.Create(first) + Vector128.CreateSequence(0u, 1u);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Add(Vector128<uint> left, Vector128<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Xor(Vector128<uint> left, Vector128<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Right16(Vector128<uint> word) => Vector128.Shuffle(word.AsByte(), ByTwoBytes).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Right12(Vector128<uint> word) => (word >>> 12) | (word << 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Right8(Vector128<uint> word) => Vector128.Shuffle(word.AsByte(), ByOneByte).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Right7(Vector128<uint> word) => (word >>> 7) | (word << 25);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(ref byte block, nint stride, Span<Vector128<uint>> words)
    {
        for (var quarter = 0; quarter < 4; quarter++)
        {
            ref var at = ref Unsafe.Add(ref block, quarter * 16);
            var r0 = Row(ref at);
            var r1 = Row(ref Unsafe.Add(ref at, stride));
            var r2 = Row(ref Unsafe.Add(ref at, stride * 2));
            var r3 = Row(ref Unsafe.Add(ref at, stride * 3));
            var (a, b, c, d) = (Low(r0, r1), High(r0, r1), Low(r2, r3), High(r2, r3));
            words[quarter * 4] = LowPair(a, c);
            words[quarter * 4 + 1] = HighPair(a, c);
            words[quarter * 4 + 2] = LowPair(b, d);
            words[quarter * 4 + 3] = HighPair(b, d);
        }
    }

    private static Vector128<uint> Row(ref byte at) => Vector128.LoadUnsafe(ref at).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Low(Vector128<uint> x, Vector128<uint> y) =>
        Sse2.IsSupported ? Sse2.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> High(Vector128<uint> x, Vector128<uint> y) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> LowPair(Vector128<uint> x, Vector128<uint> y) =>
        (Sse2.IsSupported ? Sse2.UnpackLow(x.AsUInt64(), y.AsUInt64()) : AdvSimd.Arm64.ZipLow(x.AsUInt64(), y.AsUInt64())).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> HighPair(Vector128<uint> x, Vector128<uint> y) =>
        (Sse2.IsSupported ? Sse2.UnpackHigh(x.AsUInt64(), y.AsUInt64()) : AdvSimd.Arm64.ZipHigh(x.AsUInt64(), y.AsUInt64())).AsUInt32();
}
