using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Stillpoint.Transport;

/// <summary>Kinds of key that a leaf may have.</summary>
public enum LeafKeyKind
{
    /// <summary>ECDSA on P-256: the default.</summary>
    EcdsaP256,

    /// <summary>RSA 2048: for hosts whose TLS takes no elliptic-curve client key.</summary>
    Rsa2048,
}

/// <summary>Makes leaf keys and says which ones are strong enough.</summary>
internal static class LeafKey
{
    internal static AsymmetricAlgorithm Create(LeafKeyKind kind) =>
        kind == LeafKeyKind.Rsa2048 ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);

    internal static CertificateRequest Request(AsymmetricAlgorithm key, X500DistinguishedName subject) => key switch
    {
        ECDsa ecdsa => new CertificateRequest(subject, ecdsa, HashAlgorithmName.SHA256),
        RSA rsa => new CertificateRequest(subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        _ => throw new ArgumentException($"{key.GetType().Name} is no key for a leaf.", nameof(key)),
    };

    internal static X509Certificate2 Join(X509Certificate2 leaf, AsymmetricAlgorithm key)
    {
        var joined = key is RSA rsa ? leaf.CopyWithPrivateKey(rsa) : leaf.CopyWithPrivateKey((ECDsa)key);
        if (!OperatingSystem.IsWindows()) return joined;
        // Schannel takes no key that lives in memory only: through a PFX it gets one of its own.
        using (joined) return X509CertificateLoader.LoadPkcs12(joined.Export(X509ContentType.Pfx), null);
    }

    /// <summary>ECDSA on P-256 or a larger NIST curve, RSA from 2048 bits.</summary>
    internal static bool IsStrong(PublicKey key)
    {
        using var rsa = key.GetRSAPublicKey();
        if (rsa is not null) return rsa.KeySize is >= 2048 and <= 8192;
        using var ecdsa = key.GetECDsaPublicKey();
        return ecdsa is { KeySize: >= 256 };
    }
}
