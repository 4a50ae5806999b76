using System.IO.Hashing;
using System.Security.Cryptography;

namespace Stillpoint.Roles.Tests.Media;

/// <summary>Many images in a unit's folder, made from its only one as whoever runs the store could: its object and its session's end under new ids, with
/// digests that are right.</summary>
internal static class CopiedImages
{
    private const int IdSize = 16, Checksum = 16;

    internal static void Make(string unit, int count, Random random)
    {
        var original = Directory.GetFiles(Path.Combine(unit, "images")).Single();
        var name = Path.GetFileName(original);
        byte[] image = Convert.FromHexString(name[..32]), session = Convert.FromHexString(name[33..]);
        byte[] stored = File.ReadAllBytes(original), end = File.ReadAllBytes(Path.Combine(unit, "ends", name[33..]));
        var digest = SHA256.HashData(stored);
        for (var i = 0; i < count; i++)
        {
            byte[] newImage = Bytes(random), newSession = Bytes(random);
            var copy = Sealed(Replaced(Replaced(stored, image, newImage), session, newSession));
            var copyEnd = Sealed(Replaced(Replaced(Replaced(end, image, newImage), session, newSession), digest, SHA256.HashData(copy)));
            var newName = Convert.ToHexStringLower(newSession);
            File.WriteAllBytes(Path.Combine(unit, "images", $"{Convert.ToHexStringLower(newImage)}.{newName}"), copy);
            File.WriteAllBytes(Path.Combine(unit, "ends", newName), copyEnd);
        }
    }

    private static byte[] Bytes(Random random)
    {
        var id = new byte[IdSize];
        random.NextBytes(id);
        return id;
    }

    private static byte[] Replaced(byte[] bytes, byte[] what, byte[] with)
    {
        var copy = bytes.ToArray();
        for (var at = 0; copy.AsSpan(at).IndexOf(what) is >= 0 and var found; at += found + with.Length) with.CopyTo(copy, at + found);
        return copy;
    }

    private static byte[] Sealed(byte[] bytes)
    {
        XxHash128.Hash(bytes.AsSpan(0, bytes.Length - Checksum), bytes.AsSpan(bytes.Length - Checksum));
        return bytes;
    }
}
