using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Stillpoint.Lab;

/// <summary>The digests that NTLM is defined with.</summary>
[SuppressMessage("Security", "CA5351", Justification = "MS-NLMP knows no others; a host that takes NTLM takes these")]
internal static class NtlmHash
{
    public static byte[] Md5(ReadOnlySpan<byte> data) => MD5.HashData(data);

    public static byte[] HmacMd5(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data) => HMACMD5.HashData(key, data);
}
