using System.Security.Cryptography.X509Certificates;

namespace Stillpoint.Transport;

/// <summary>
/// The authority's whole certificate inside each leaf of a listening role. A host that joins knows the authority's fingerprint only and must
/// see its certificate before it sends the token; SslStream on Linux leaves the root out of the chain that it sends
/// (SslStreamCertificateContext trims it), so the leaf carries it. An arc below 2.25 is a UUID and needs no registration (ITU-T X.667).
/// </summary>
internal static class AuthorityExtension
{
    internal const string Oid = "2.25.98327402817264905516123456047120817234";
    private const int MaxBytes = 4096;

    internal static X509Extension Write(X509Certificate2 authority) => new(Oid, authority.RawDataMemory.Span, critical: false);

    /// <summary>The certificate in the leaf; null when there is none that can be read.</summary>
    internal static X509Certificate2? Read(X509Certificate2 leaf)
    {
        foreach (var extension in leaf.Extensions)
        {
            if (extension.Oid?.Value != Oid || extension.RawData.Length > MaxBytes) continue;
            try
            {
                return X509CertificateLoader.LoadCertificate(extension.RawData);
            }
            catch (System.Security.Cryptography.CryptographicException)
            {
                return null;
            }
        }
        return null;
    }
}
