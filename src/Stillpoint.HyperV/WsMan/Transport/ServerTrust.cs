using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Stillpoint.HyperV;

/// <summary>Which certificate a host may show: one by its fingerprint, any that one authority issued for the host's name, or what the system
/// trusts.</summary>
internal sealed class ServerTrust
{
    private readonly CertificatePin? _pin;
    private readonly X509Certificate2? _authority;

    /// <exception cref="Model.TroubleException">The fingerprint is none.</exception>
    public ServerTrust(HyperVHostOptions options)
    {
        _pin = options.CertificateFingerprint is { Length: > 0 } fingerprint ? new CertificatePin(fingerprint) : null;
        _authority = options.CertificateAuthority;
    }

    /// <summary>SHA-256 of what the host showed instead of the pinned certificate; null when it was not that.</summary>
    public string? Mismatch => _pin?.Mismatch;

    /// <summary>What was wrong with a certificate that was refused for another reason; null before.</summary>
    public string? Refusal { get; private set; }

    /// <summary>For TLS: builds the chain up to the authority alone, when one is given.</summary>
    public X509ChainPolicy? ChainPolicy
    {
        get
        {
            if (_authority is null) return null;
            // Hosts' certificates come from authorities inside, whose revocation lists a backup network often cannot reach.
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.Add(_authority);
            return policy;
        }
    }

    /// <summary>True when the host may show this.</summary>
    public bool Accepts(X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_pin is not null) return _pin.Accepts(shown);
        Refusal = errors switch
        {
            _ when errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable) => "it showed none",
            _ when errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) => "it is for another name",
            SslPolicyErrors.None when _authority is null || EndsAtAuthority(chain) => null,
            _ when chain is { ChainStatus: [var first, ..] } => first.StatusInformation.Trim() is { Length: > 0 } words ? words : $"{first.Status}",
            _ => "another authority issued it",
        };
        return Refusal is null;
    }

    /// <summary>Not all systems refuse a chain that ends elsewhere, so its last element is compared byte by byte.</summary>
    private bool EndsAtAuthority(X509Chain? chain) =>
        chain is { ChainStatus.Length: 0, ChainElements: [.., var last] }
        && CryptographicOperations.FixedTimeEquals(last.Certificate.RawDataMemory.Span, _authority!.RawDataMemory.Span);
}
