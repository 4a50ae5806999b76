using System.Buffers.Binary;
using System.Numerics;

namespace Stillpoint.Lab;

/// <summary>MD4 (RFC 1320), which NTLM makes of a password (MS-NLMP 3.3.1) and the platform does not offer.</summary>
internal static class Md4
{
    /// <summary>16 bytes.</summary>
    public static byte[] Hash(ReadOnlySpan<byte> data)
    {
        var padded = new byte[checked((data.Length + 8) / 64 * 64 + 64)];
        data.CopyTo(padded);
        padded[data.Length] = 0x80;
        BinaryPrimitives.WriteUInt64LittleEndian(padded.AsSpan(padded.Length - 8), (ulong)data.Length * 8);
        uint[] state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
        var words = new uint[16];
        for (var at = 0; at < padded.Length; at += 64)
        {
            for (var i = 0; i < 16; i++) words[i] = BinaryPrimitives.ReadUInt32LittleEndian(padded.AsSpan(at + i * 4));
            Block(state, words);
        }
        var hash = new byte[16];
        for (var i = 0; i < 4; i++) BinaryPrimitives.WriteUInt32LittleEndian(hash.AsSpan(i * 4), state[i]);
        return hash;
    }

    private static void Block(uint[] state, uint[] words)
    {
        ReadOnlySpan<int> order =
        [
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
            0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
            0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15,
        ];
        ReadOnlySpan<int> turns = [3, 7, 11, 19, 3, 5, 9, 13, 3, 9, 11, 15];
        uint a = state[0], b = state[1], c = state[2], d = state[3];
        for (var step = 0; step < 48; step++)
        {
            var round = step / 16;
            var (mix, constant) = round switch
            {
                0 => ((b & c) | (~b & d), 0u),
                1 => ((b & c) | (b & d) | (c & d), 0x5a827999u),
                _ => (b ^ c ^ d, 0x6ed9eba1u),
            };
            var sum = BitOperations.RotateLeft(unchecked(a + mix + words[order[step]] + constant), turns[round * 4 + step % 4]);
            (a, d, c, b) = (d, c, b, sum);
        }
        state[0] = unchecked(state[0] + a);
        state[1] = unchecked(state[1] + b);
        state[2] = unchecked(state[2] + c);
        state[3] = unchecked(state[3] + d);
    }
}
