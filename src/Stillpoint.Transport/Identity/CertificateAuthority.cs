using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>
/// The certificate authority of an installation: an ECDSA P-256 root that the primary server keeps in a folder (<c>ca.pem</c> and
/// <c>ca-key.pem</c>, owner only). Every role's leaf is issued here; the leaf's subject is <c>CN=name, OU=role</c>, and that is the only place
/// where a peer's name and role are read from. Safe for several threads.
/// </summary>
public sealed class CertificateAuthority : IDisposable
{
    /// <summary>How long a leaf is valid; renewed from two thirds on.</summary>
    public static readonly TimeSpan LeafLife = TimeSpan.FromDays(365);

    /// <summary>How far back a certificate starts, for peers whose clock is behind.</summary>
    public static readonly TimeSpan Backdate = TimeSpan.FromHours(1);

    private const int RootYears = 20;
    private const int MaxRequestChars = 16 * 1024;
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";
    private readonly X509Certificate2 _root;
    private readonly ECDsa _key;
    private readonly X509SignatureGenerator _generator;
    private readonly TimeProvider _time;
    private readonly Lock _signing = new();

    private CertificateAuthority(X509Certificate2 root, TimeProvider time)
    {
        _root = root;
        _time = time;
        // The overload that takes a certificate wants leaf and root of one algorithm; leafs may be RSA.
        _key = root.GetECDsaPrivateKey() ?? throw new CryptographicException("its key is not ECDSA");
        _generator = X509SignatureGenerator.CreateForECDsa(_key);
        Certificate = X509CertificateLoader.LoadCertificate(root.RawData);
        Fingerprint = FingerprintOf(Certificate);
    }

    /// <summary>The root without its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>SHA-256 of the root's DER, 64 lower-case hexadecimal digits: what an administrator hands to a host that joins.</summary>
    public string Fingerprint { get; }

    /// <summary>The root as PEM.</summary>
    public string Pem => Certificate.ExportCertificatePem();

    /// <summary>SHA-256 of a certificate's DER, 64 lower-case hexadecimal digits.</summary>
    public static string FingerprintOf(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return Convert.ToHexStringLower(SHA256.HashData(certificate.RawDataMemory.Span));
    }

    /// <summary>Loads the authority of <paramref name="folder"/>, or makes one where there is none yet. A crash in between leaves a key
    /// without a certificate, and the next call goes on from there.</summary>
    /// <exception cref="TroubleException">The folder holds something that is no authority.</exception>
    public static CertificateAuthority LoadOrCreate(string folder, TimeProvider time)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(time);
        PrivateFolder.Ensure(folder);
        var certificatePath = Path.Combine(folder, "ca.pem");
        var keyPath = Path.Combine(folder, "ca-key.pem");
        try
        {
            using var key = LoadOrCreateKey(keyPath, certificatePath);
            if (!File.Exists(certificatePath)) WriteRoot(certificatePath, key, time);
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(certificatePath));
            return new CertificateAuthority(certificate.CopyWithPrivateKey(key), time);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new TroubleException($"certificate authority {folder}", $"Its files cannot be read: {e.Message}",
                "Restore ca.pem and ca-key.pem from the recovery kit.", inner: e);
        }
    }

    /// <summary>Issues a leaf for a role that joins or renews. Of the request only the public key is used, after its signature was checked:
    /// name, role and validity come from the caller.</summary>
    /// <param name="csrPem">PKCS#10, PEM, signed with SHA-256; ECDSA P-256 or RSA from 2048 bits.</param>
    /// <param name="name">Letters, digits, <c>-</c>, <c>_</c>, <c>.</c>; at most 64.</param>
    /// <param name="role">A word of <see cref="PeerRoles"/>.</param>
    /// <returns>The leaf as PEM.</returns>
    /// <exception cref="TroubleException">The request is damaged, its key weak, or the name not allowed.</exception>
    public string Issue(string csrPem, string name, string role)
    {
        ArgumentNullException.ThrowIfNull(csrPem);
        if (csrPem.Length > MaxRequestChars) throw BadRequest(name, $"is longer than {MaxRequestChars} characters");
        CertificateRequest request;
        try
        {
            request = CertificateRequest.LoadSigningRequestPem(csrPem, HashAlgorithmName.SHA256,
                CertificateRequestLoadOptions.Default, RSASignaturePadding.Pkcs1);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw BadRequest(name, "cannot be read or its signature is wrong", e);
        }
        using var leaf = IssueFor(request.PublicKey, name, role, []);
        return leaf.ExportCertificatePem();
    }

    /// <summary>Issues the primary's own TLS certificate with a fresh key that never touches a disk; call it again at each start, or when
    /// the names changed.</summary>
    /// <param name="name">The primary's name.</param>
    /// <param name="hosts">DNS names and IP addresses that users reach it by; roles pin the authority and do not look at them.</param>
    public X509Certificate2 IssueServer(string name, IReadOnlyList<string> hosts)
    {
        ArgumentNullException.ThrowIfNull(hosts);
        using var key = LeafKey.Create(LeafKeyKind.EcdsaP256);
        var request = LeafKey.Request(key, LeafSubject.Write(name, PeerRoles.Primary));
        using var leaf = IssueFor(request.PublicKey, name, PeerRoles.Primary, hosts);
        return LeafKey.Join(leaf, key);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _key.Dispose();
        _root.Dispose();
        Certificate.Dispose();
    }

    private X509Certificate2 IssueFor(PublicKey key, string name, string role, IReadOnlyList<string> hosts)
    {
        if (!LeafSubject.IsName(name)) throw BadRequest(name, "asks for a name that is not 1 to 64 letters, digits, '-', '_' or '.'");
        if (!PeerRoles.IsKnown(role)) throw new ArgumentException($"'{role}' is no role.", nameof(role));
        if (!LeafKey.IsStrong(key)) throw BadRequest(name, "has a key that is too weak: ECDSA P-256 or RSA 2048 is the least");

        var request = new CertificateRequest(LeafSubject.Write(name, role), key, HashAlgorithmName.SHA256);
        var extensions = request.CertificateExtensions;
        extensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        extensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        var usages = new OidCollection { new Oid(ClientUsage) };
        if (PeerRoles.Listens(role)) usages.Add(new Oid(ServerUsage));
        extensions.Add(new X509EnhancedKeyUsageExtension(usages, critical: false));
        extensions.Add(new X509SubjectKeyIdentifierExtension(key, critical: false));
        extensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_root, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        extensions.Add(AlternativeNames(name, hosts));
        if (PeerRoles.Listens(role)) extensions.Add(AuthorityExtension.Write(Certificate));

        var now = _time.GetUtcNow();
        var end = now + LeafLife;
        var rootEnd = new DateTimeOffset(_root.NotAfter.ToUniversalTime());
        lock (_signing)
        {
            return request.Create(_root.SubjectName, _generator, Later(now - Backdate, new DateTimeOffset(_root.NotBefore.ToUniversalTime())),
                end < rootEnd ? end : rootEnd, Serial());
        }
    }

    private static X509Extension AlternativeNames(string name, IReadOnlyList<string> hosts)
    {
        var builder = new SubjectAlternativeNameBuilder();
        builder.AddDnsName(name);
        foreach (var host in hosts.Where(h => h != name).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (IPAddress.TryParse(host, out var address)) builder.AddIpAddress(address);
            else builder.AddDnsName(host);
        }
        return builder.Build();
    }

    private static ECDsa LoadOrCreateKey(string keyPath, string certificatePath)
    {
        var key = ECDsa.Create();
        if (File.Exists(keyPath))
        {
            key.ImportFromPem(File.ReadAllText(keyPath));
            return key;
        }
        if (File.Exists(certificatePath)) throw new CryptographicException("ca.pem is there, its key ca-key.pem is not.");
        key.GenerateKey(ECCurve.NamedCurves.nistP256);
        DurableFile.Replace(keyPath, System.Text.Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()));
        return key;
    }

    private static void WriteRoot(string path, ECDsa key, TimeProvider time)
    {
        var now = time.GetUtcNow();
        // The key's own hash in the name: two installations never have authorities of the same name.
        var tag = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()).AsSpan(0, 6));
        var request = new CertificateRequest($"CN=Stillpoint authority {tag}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        using var root = request.CreateSelfSigned(now - Backdate, now.AddYears(RootYears));
        DurableFile.Replace(path, System.Text.Encoding.ASCII.GetBytes(root.ExportCertificatePem()));
    }

    /// <summary>16 random bytes, positive and not zero (RFC 5280 section 4.1.2.2).</summary>
    private static byte[] Serial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x3f) | 0x40);
        return serial;
    }

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    private static TroubleException BadRequest(string? name, string what, Exception? inner = null) =>
        new($"certificate request of '{Shown(name)}'", $"The request {what}.", "Join again with a name that is allowed and a fresh key.",
            inner: inner);

    private static string Shown(string? name) => name is null ? "" : new string(name.Take(80).Select(c => char.IsControl(c) ? '?' : c).ToArray());
}
