using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>A leaf like those that the authority issues, in everything that is not said otherwise.</summary>
internal sealed class Forgery
{
    public string Subject { get; init; } = "CN=host-1, OU=client";
    public string? Usage { get; init; } = "1.3.6.1.5.5.7.3.2";
    public bool IsAuthority { get; init; }
    public X509KeyUsageFlags KeyUsage { get; init; } = X509KeyUsageFlags.DigitalSignature;
    public DateTimeOffset? From { get; init; }
    public DateTimeOffset? To { get; init; }
    public PublicKey? Key { get; init; }

    /// <summary>With its key; null means the authority of the folder.</summary>
    public X509Certificate2? Issuer { get; init; }

    public X509Certificate2 Make(string authorityFolder, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedName(Subject);
        var request = new CertificateRequest(subject, Key ?? new CertificateRequest(subject, key, HashAlgorithmName.SHA256).PublicKey,
            HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(IsAuthority, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(KeyUsage, true));
        if (Usage is not null) request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(Usage)], false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));

        using var root = X509Certificate2.CreateFromPemFile(Path.Combine(authorityFolder, "ca.pem"), Path.Combine(authorityFolder, "ca-key.pem"));
        var issuer = Issuer ?? root;
        var generator = X509SignatureGenerator.CreateForECDsa(issuer.GetECDsaPrivateKey()!);
        var leaf = request.Create(issuer.SubjectName, generator, From ?? now.AddHours(-1), To ?? now.AddDays(365),
            RandomNumberGenerator.GetBytes(12));
        return Key is null ? leaf.CopyWithPrivateKey(key) : leaf;
    }

    public static X509Certificate2 Authority(string subject, ECDsa key, DateTimeOffset now)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(now.AddHours(-1), now.AddDays(3650));
    }
}
