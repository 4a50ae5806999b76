using System.Buffers.Binary;

namespace Stillpoint.Store.Tests;

/// <summary>Spoils bytes in one to four ways, as the seed says: the same seed spoils in the same way.</summary>
internal static class Mutation
{
    private static readonly uint[] s_telling = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

    public static byte[] Of(byte[] sound, int seed)
    {
        var random = new Random(seed);
        var bytes = (byte[])sound.Clone();
        for (var left = random.Next(1, 5); left > 0; left--) bytes = Once(bytes, random);
        return bytes;
    }

    private static byte[] Once(byte[] bytes, Random random)
    {
        if (bytes.Length == 0) return [(byte)random.Next(256)];
        var at = random.Next(bytes.Length);
        var count = Math.Min(random.Next(1, random.Next(4) == 0 ? 200 : 9), bytes.Length - at);
        switch (random.Next(9))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                bytes[at] = (byte)random.Next(256);
                return bytes;
            case 2:
                random.NextBytes(bytes.AsSpan(at, count));
                return bytes;
            case 3 when bytes.Length - at >= 4:
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), s_telling[random.Next(s_telling.Length)]);
                return bytes;
            case 4:
                // A varint that claims as much as it can, or a run of ones.
                bytes.AsSpan(at, count).Fill(0xff);
                return bytes;
            case 5:
                return [.. bytes[..at], .. bytes[(at + count)..]];
            case 6:
                return [.. bytes[..(at + count)], .. bytes[at..]];
            case 7:
                return bytes[..at];
            default:
                return [.. bytes, .. bytes[at..(at + count)]];
        }
    }
}
