namespace Stillpoint.HyperV;

/// <summary>How a client proves to a host who it is.</summary>
public enum HostAuthentication
{
    /// <summary>Kerberos when the account has a domain and a ticket can be had, else NTLM. Over HTTP every message is sealed.</summary>
    Negotiate,

    /// <summary>Kerberos and nothing else. Over HTTP every message is sealed.</summary>
    Kerberos,

    /// <summary>User name and password inside TLS: HTTPS only, and local accounts only.</summary>
    Basic,

    /// <summary>A client certificate that the host maps to a local account: HTTPS only.</summary>
    Certificate,
}
