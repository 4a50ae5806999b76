using System.Security.Cryptography.X509Certificates;

namespace Stillpoint.HyperV;

/// <summary>Where a host is and how to log in.</summary>
/// <param name="Url">For example <c>https://hv1.example:5986/wsman</c>; <c>http://hv1.example:5985/wsman</c> with Negotiate or Kerberos, which
/// seal every message there.</param>
/// <param name="User">An account in Administrators or Hyper-V Administrators: <c>NAME</c> of the host itself, <c>DOMAIN\NAME</c> or
/// <c>NAME@REALM</c>. Empty: the account that this process runs as (Negotiate, Kerberos), or the certificate's.</param>
/// <param name="Password">Its password; empty with an empty user.</param>
/// <param name="CertificateFingerprint">SHA-256 of the host's certificate in hex (colons allowed): that certificate and no other. Null:
/// <see cref="CertificateAuthority"/>, or the system's trust, decides.</param>
public sealed record HyperVHostOptions(Uri Url, string User, string Password, string? CertificateFingerprint = null)
{
    /// <summary>How to log in.</summary>
    public HostAuthentication Authentication { get; init; } = HostAuthentication.Negotiate;

    /// <summary>The authority that must have issued the host's certificate, and no other; the certificate must name the host.</summary>
    public X509Certificate2? CertificateAuthority { get; init; }

    /// <summary>The client's own certificate with its key, for <see cref="HostAuthentication.Certificate"/>. Not disposed here.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Kerberos name of the service; null for <c>HTTP/</c> and the host of <see cref="Url"/>. For an address that is an alias.</summary>
    public string? ServicePrincipal { get; init; }

    /// <summary>How long the host may think about one request.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long after <see cref="OperationTimeout"/> an answer is still waited for.</summary>
    public TimeSpan AnswerGrace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a job of the host may run before it is given up; it goes on on the host.</summary>
    public TimeSpan JobTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Longest answer that is asked for, in bytes; hosts since 2012 allow 500 KiB by default.</summary>
    public int MaxEnvelopeBytes { get; init; } = 512_000;

    /// <summary>Longest answer that is taken, in bytes: a host that ignores what was asked for is cut off here.</summary>
    public int MaxAnswerBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Longest list that is taken, in bytes of all its answers; a VM costs about 20 KiB.</summary>
    public long MaxEnumerationBytes { get; init; } = 512L * 1024 * 1024;

    /// <summary>True when the connection is TLS.</summary>
    internal bool IsEncrypted => Url.Scheme == Uri.UriSchemeHttps;

    /// <summary>Without the password.</summary>
    public override string ToString() => $"{(User.Length > 0 ? User : "this process's account")} at {Url}";
}
