namespace Stillpoint.Transport;

/// <summary>The words for roles, as they stand in certificates and in <see cref="RoleHello"/>.</summary>
public static class PeerRoles
{
    /// <summary>The primary server: certificate authority, jobs, catalog.</summary>
    public const string Primary = "primary";

    /// <summary>The client on a Hyper-V host.</summary>
    public const string Client = "client";

    /// <summary>A media server.</summary>
    public const string Media = "media";

    /// <summary>True for a word of this class.</summary>
    public static bool IsKnown(string? role) => role is Primary or Client or Media;

    /// <summary>True for a role that others connect to: its leafs may be a TLS server's.</summary>
    public static bool Listens(string role) => role is Primary or Media;
}
