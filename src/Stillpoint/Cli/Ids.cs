using System.Security.Cryptography;

namespace Stillpoint.Cli;

/// <summary>Where the process takes new ids from.</summary>
internal static class Ids
{
    /// <summary>A random id, version 4.</summary>
    public static Guid New()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
