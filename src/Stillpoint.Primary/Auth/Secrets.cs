using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Stillpoint.Primary;

/// <summary>Random secrets that are shown once and kept as a hash. 32 random bytes need no slow hash: there is nothing to guess.</summary>
internal sealed class Secrets(RandomNumberGenerator random)
{
    private const int LongestSecret = 128;

    /// <summary>A new secret that begins with <paramref name="prefix"/>, so that a leaked one is recognised for what it is.</summary>
    public string New(string prefix)
    {
        var bytes = new byte[32];
        random.GetBytes(bytes);
        return prefix + Base64Url.EncodeToString(bytes);
    }

    /// <summary>What is kept of a secret.</summary>
    public static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    /// <summary>True for what may be a secret of ours.</summary>
    public static bool IsPlausible(string? secret) => secret is { Length: > 20 and <= LongestSecret };
}
