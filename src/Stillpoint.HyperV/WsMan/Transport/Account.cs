using System.Net;

namespace Stillpoint.HyperV;

/// <summary>Reads an account's name as people write it.</summary>
internal static class Account
{
    /// <summary>The account for a security context; the process's own when no user is given.</summary>
    public static NetworkCredential Credential(HyperVHostOptions options)
    {
        if (options.User.Length == 0) return CredentialCache.DefaultNetworkCredentials;
        var cut = options.User.IndexOf('\\', StringComparison.Ordinal);
        return cut < 0 ? new(options.User, options.Password) : new(options.User[(cut + 1)..], options.Password, options.User[..cut]);
    }

    /// <summary>True when Kerberos may know the account: <c>DOMAIN\NAME</c>, <c>NAME@REALM</c>, or the process's own.</summary>
    public static bool HasDomain(HyperVHostOptions options) =>
        options.User.Length == 0 || options.User.Contains('@', StringComparison.Ordinal)
        || (options.User.IndexOf('\\', StringComparison.Ordinal) is var cut && cut > 0 && options.User[..cut] != ".");
}
