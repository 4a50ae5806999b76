using System.Security.Cryptography;
using System.Text;
using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>
/// An unwrapped key file: one line of ASCII, <c>stillpoint-key 1 MASTER CHECK</c>, the master as 64 hexadecimal digits and the first 8 of
/// its SHA-256 as a check against slips of the hand.
/// </summary>
public static class KeyFile
{
    private const string Magic = "stillpoint-key";

    /// <summary>The file's bytes for a master key of 32 bytes.</summary>
    public static byte[] Format(ReadOnlySpan<byte> master)
    {
        if (master.Length != DomainKeys.MasterSize) throw new ArgumentException($"a master key has {DomainKeys.MasterSize} bytes", nameof(master));
        return Encoding.ASCII.GetBytes($"{Magic} {StoreFormat.Version} {Convert.ToHexStringLower(master)} {Check(master)}\n");
    }

    /// <summary>The master key in a key file.</summary>
    /// <param name="bytes">The file's content.</param>
    /// <param name="path">For the error.</param>
    /// <exception cref="TroubleException">It is no key file, of another version, or mistyped.</exception>
    public static byte[] Parse(ReadOnlySpan<byte> bytes, string path)
    {
        var parts = bytes.Length <= 1024 ? Encoding.ASCII.GetString(bytes).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) : [];
        if (parts.Length < 2 || parts[0] != Magic) throw Refuse(path, "it is no key file.");
        if (parts[1] != StoreFormat.Version.ToString()) throw Refuse(path, $"its version is {parts[1]}; this program knows version {StoreFormat.Version}.");
        if (parts.Length != 4 || parts[2].Length != 64 || !parts[2].All(char.IsAsciiHexDigit)) throw Refuse(path, "its key is not 64 hexadecimal digits.");
        var master = Convert.FromHexString(parts[2]);
        return parts[3] == Check(master) ? master : throw Refuse(path, "its check digits do not fit its key.");
    }

    private static string Check(ReadOnlySpan<byte> master)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(master, hash);
        return Convert.ToHexStringLower(hash[..4]);
    }

    private static TroubleException Refuse(string path, string why) => new($"key file {path}", why, "give the key file that store init wrote");
}
