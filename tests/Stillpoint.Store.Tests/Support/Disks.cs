namespace Stillpoint.Store.Tests;

/// <summary>Disk contents.</summary>
internal static class Disks
{
    public const int Chunk = 64 << 10;

    /// <summary>A disk of <paramref name="length"/> bytes where about <paramref name="share"/> of the chunks hold data, half of it compressible.</summary>
    public static byte[] Make(int length, int seed, double share = 0.5)
    {
        var random = new Random(seed);
        var disk = new byte[length];
        for (var at = 0; at < length; at += Chunk)
            if (random.NextDouble() < share) Fill(disk.AsSpan(at, Math.Min(Chunk, length - at)), random);
        return disk;
    }

    /// <summary>Overwrites with new content.</summary>
    public static void Fill(Span<byte> target, Random random)
    {
        random.NextBytes(target);
        if (random.Next(2) == 0) return;
        for (var i = 0; i < target.Length; i++) target[i] = (byte)(target[i] & 3);
    }
}
