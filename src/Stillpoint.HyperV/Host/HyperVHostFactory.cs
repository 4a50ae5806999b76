using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Opens Hyper-V hosts.</summary>
public static class HyperVHostFactory
{
    private const string Subject = "the host's configuration";

    /// <summary>A host over WS-Management. Nothing is sent yet: the first call finds out whether the host is there.</summary>
    /// <param name="options">Where and as whom.</param>
    /// <param name="time">For timeouts and for waiting on jobs.</param>
    /// <param name="newId">Makes message ids.</param>
    /// <exception cref="TroubleException">The options cannot work: a password in clear, no user, a malformed fingerprint.</exception>
    public static IHyperVHost Create(HyperVHostOptions options, TimeProvider time, Func<Guid> newId) => Create(options, time, newId, witness: null);

    internal static IHyperVHost Create(HyperVHostOptions options, TimeProvider time, Func<Guid> newId, ISchemaWitness? witness)
    {
        ArgumentNullException.ThrowIfNull(options);
        RefuseAddress(options);
        RefuseAccount(options);
        return new WmiHyperVHost(new HostConnection(options, time, newId, witness));
    }

    private static void RefuseAddress(HyperVHostOptions options)
    {
        var isHttp = options.Url.IsAbsoluteUri && options.Url.Scheme == Uri.UriSchemeHttp;
        if (!isHttp && !(options.Url.IsAbsoluteUri && options.IsEncrypted))
        {
            throw new TroubleException(Subject, $"the address {options.Url} is neither https nor http.",
                "Give https://HOST:5986/wsman, or http://HOST:5985/wsman with Negotiate or Kerberos.");
        }
        if (!isHttp) return;
        if (options.Authentication is HostAuthentication.Basic or HostAuthentication.Certificate)
        {
            throw new TroubleException(Subject, $"the address {options.Url} is not https, and {options.Authentication} needs it: over plain HTTP "
                + "the password could be read on the way.", "Give https://HOST:5986/wsman, or log in by Negotiate, which seals its messages.");
        }
        if (options.CertificateFingerprint is { Length: > 0 } || options.CertificateAuthority is not null)
        {
            throw new TroubleException(Subject, $"a certificate is pinned, but {options.Url} shows none.",
                "Give https://HOST:5986/wsman, or leave the pin out.");
        }
    }

    private static void RefuseAccount(HyperVHostOptions options)
    {
        var basic = options.Authentication == HostAuthentication.Basic;
        if (basic && (options.User.Length == 0 || options.User.Contains(':', StringComparison.Ordinal)))
            throw new TroubleException(Subject, "the user name is empty or holds a colon.", "Give a local account of the host.");
        if (options.User.Length > 0 && options.Password.Length == 0 && options.Authentication != HostAuthentication.Certificate)
            throw new TroubleException(Subject, $"there is no password for '{options.User}'.", "Give the account's password.");
        if (options.Authentication == HostAuthentication.Certificate && options.ClientCertificate is not { HasPrivateKey: true })
        {
            throw new TroubleException(Subject, "there is no client certificate with its key.",
                "Give the certificate that the host maps to an account (winrm create winrm/config/service/certmapping).");
        }
    }
}
