using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>Trust by fingerprint: for whoever does not have the authority's certificate yet, a host that joins or the command line. Accepts a
/// primary server whose leaf is sound under the authority that the leaf itself carries, when that authority has the given fingerprint.</summary>
public sealed class AuthorityPin
{
    private readonly string _fingerprint;
    private readonly TimeProvider _time;
    private volatile string _refusal = "";
    private volatile X509Certificate2? _authority;

    /// <param name="fingerprint">SHA-256 of the authority, 64 hexadecimal digits; case, colons and blanks do not matter.</param>
    /// <param name="time">What validity is judged by.</param>
    /// <exception cref="TroubleException">It is no fingerprint.</exception>
    public AuthorityPin(string fingerprint, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(fingerprint);
        ArgumentNullException.ThrowIfNull(time);
        var digits = string.Concat(fingerprint.Where(c => c != ':' && !char.IsWhiteSpace(c))).ToLowerInvariant();
        if (digits.Length != 64 || !digits.All(char.IsAsciiHexDigit))
        {
            throw new TroubleException("fingerprint", "A fingerprint is 64 hexadecimal digits.",
                "Take it from the primary server: 'stillpoint token create' prints it.");
        }
        _fingerprint = digits;
        _time = time;
    }

    /// <summary>The authority that was seen and accepted; null before.</summary>
    public X509Certificate2? Authority => _authority;

    /// <summary>Fingerprint of the authority that the last server carried, accepted or not; null where it carried none. For asking a person
    /// whether it is the right one.</summary>
    public string? Seen { get; private set; }

    /// <summary>Why the last server was refused; empty when it was not.</summary>
    public string Refusal => _refusal;

    /// <summary>The TLS callback.</summary>
    public bool Accept(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        _refusal = Judge(certificate as X509Certificate2);
        return _refusal.Length == 0;
    }

    private string Judge(X509Certificate2? leaf)
    {
        if (leaf is null) return "it presented no certificate";
        var authority = AuthorityExtension.Read(leaf);
        if (authority is null) return "its certificate carries no authority: it is no Stillpoint primary server";
        var seen = CertificateAuthority.FingerprintOf(authority);
        Seen = seen;
        if (seen != _fingerprint)
        {
            authority.Dispose();
            return $"its authority has the fingerprint {seen}";
        }
        if (!new PeerCertificates(authority, _time).TryReadServer(leaf, out var peer, out var reason)) return reason;
        if (peer!.Role != PeerRoles.Primary) return $"it is a {peer.Role}, not a primary server";
        _authority = authority;
        return "";
    }
}
