using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Stillpoint.Transport;

/// <summary>
/// Says whether a peer's certificate is a sound leaf of the pinned authority. Sound means: <c>X509Chain.Build</c> is true, its status is
/// empty, and the chain's last element is byte-equal to the pinned authority: some platforms answer true for a chain that leads to another
/// root, or to none. Besides: directly below the authority, no authority itself, a strong key, the right usage, a subject of exactly
/// one name and one role. Safe for several threads.
/// </summary>
public sealed class PeerCertificates
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";
    private readonly X509Certificate2 _authority;
    private readonly TimeProvider _time;

    /// <param name="authority">The pinned authority.</param>
    /// <param name="time">What validity is judged by.</param>
    public PeerCertificates(X509Certificate2 authority, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(authority);
        ArgumentNullException.ThrowIfNull(time);
        _authority = authority;
        _time = time;
    }

    /// <summary>Reads a peer that connected to us (its leaf must be good for a TLS client).</summary>
    /// <param name="leaf">What it presented; null when nothing.</param>
    /// <param name="peer">Who it is; null when the answer is false.</param>
    /// <param name="reason">Why not, in a few words; empty when the answer is true.</param>
    public bool TryReadClient(X509Certificate2? leaf, out Peer? peer, out string reason) => TryRead(leaf, ClientUsage, out peer, out reason);

    /// <summary>Reads a peer that we connected to (its leaf must be good for a TLS server).</summary>
    /// <inheritdoc cref="TryReadClient"/>
    public bool TryReadServer(X509Certificate2? leaf, out Peer? peer, out string reason) => TryRead(leaf, ServerUsage, out peer, out reason);

    /// <summary>A TLS callback for a client side: sound, and of <paramref name="role"/>. The name in the URL does not matter: the role does, and
    /// only the authority gives it.</summary>
    public RemoteCertificateValidationCallback RequireServer(string role) => (_, certificate, _, _) =>
        TryReadServer(certificate as X509Certificate2, out var peer, out _) && peer!.Role == role;

    /// <summary>A TLS callback for a server side: sound, and of one of <paramref name="roles"/>.</summary>
    public RemoteCertificateValidationCallback RequireClient(params string[] roles) => (_, certificate, _, _) =>
        TryReadClient(certificate as X509Certificate2, out var peer, out _) && roles.Contains(peer!.Role);

    private bool TryRead(X509Certificate2? leaf, string usage, out Peer? peer, out string reason)
    {
        peer = null;
        reason = leaf is null ? "it presented no certificate" : Fault(leaf, usage);
        if (reason.Length > 0) return false;
        if (!LeafSubject.TryRead(leaf!.SubjectName, out var name, out var role))
        {
            reason = "its subject is not one name and one role";
            return false;
        }
        peer = new Peer(name, role, leaf.SerialNumber);
        return true;
    }

    private string Fault(X509Certificate2 leaf, string usage)
    {
        try
        {
            if (leaf.RawDataMemory.Span.SequenceEqual(_authority.RawDataMemory.Span)) return "it presented the authority itself";
            return ChainFault(leaf, usage) ?? ShapeFault(leaf, usage) ?? "";
        }
        catch (CryptographicException e)
        {
            return $"its certificate cannot be read ({e.Message})";
        }
    }

    private string? ChainFault(X509Certificate2 leaf, string usage)
    {
        using var chain = new X509Chain();
        var policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.Add(_authority);
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        policy.VerificationTime = _time.GetUtcNow().LocalDateTime;
        policy.VerificationTimeIgnored = false;
        policy.ApplicationPolicy.Add(new Oid(usage));
        var sound = chain.Build(leaf);
        try
        {
            if (!sound || chain.ChainStatus.Length > 0)
            {
                var status = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
                return $"its chain is not sound ({status})";
            }
            if (chain.ChainElements.Count != 2) return "it is not directly below the authority";
            var last = chain.ChainElements[^1].Certificate;
            return last.RawDataMemory.Span.SequenceEqual(_authority.RawDataMemory.Span) ? null : "its chain leads to another authority";
        }
        finally
        {
            foreach (var element in chain.ChainElements) element.Certificate.Dispose();
        }
    }

    private static string? ShapeFault(X509Certificate2 leaf, string usage)
    {
        if (!LeafKey.IsStrong(leaf.PublicKey)) return "its key is too weak";
        var named = false;
        foreach (var extension in leaf.Extensions)
        {
            if (extension is X509BasicConstraintsExtension { CertificateAuthority: true }) return "it is an authority, not a leaf";
            if (extension is X509EnhancedKeyUsageExtension allowed) named = allowed.EnhancedKeyUsages.Cast<Oid>().Any(o => o.Value == usage);
        }
        // A leaf without the extension passes the chain's own check for any usage.
        return named ? null : "its usage does not allow this side of a connection";
    }
}
