using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>The one certificate that a host may show, by the SHA-256 of its DER form.</summary>
internal sealed class CertificatePin
{
    private readonly string _expected;

    /// <param name="fingerprint">64 hex digits; colons, spaces and case do not count.</param>
    /// <exception cref="TroubleException">It is no such fingerprint.</exception>
    public CertificatePin(string fingerprint)
    {
        _expected = fingerprint.Replace(":", "").Replace(" ", "").Trim().ToUpperInvariant();
        if (_expected.Length != 64 || !_expected.All(char.IsAsciiHexDigit))
        {
            throw new TroubleException("the host's configuration", "the certificate fingerprint is not a SHA-256 in hex (64 digits).",
                "Give the SHA-256 fingerprint of the host's HTTPS certificate.");
        }
    }

    /// <summary>What the host showed last when it was not the pinned one; null otherwise.</summary>
    public string? Mismatch { get; private set; }

    public bool Accepts(X509Certificate? shown)
    {
        var actual = shown is null ? "no certificate" : Convert.ToHexString(SHA256.HashData(shown.GetRawCertData()));
        Mismatch = actual == _expected ? null : actual;
        return Mismatch is null;
    }
}
