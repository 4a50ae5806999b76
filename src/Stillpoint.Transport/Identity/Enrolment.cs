using Microsoft.Extensions.Logging;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>How a role gets its identity at its start: the one that it has, renewed when it is time, or a new one by joining.</summary>
/// <param name="Primary">Base address of the primary server, https.</param>
/// <param name="Role">A word of <see cref="PeerRoles"/>.</param>
/// <param name="Name">The name to join under.</param>
/// <param name="Fingerprint">SHA-256 of the authority; needed to join only.</param>
/// <param name="TokenFile">File that holds the one-time token; needed to join only.</param>
public sealed record Enrolment(Uri Primary, string Role, string Name, string? Fingerprint, string? TokenFile)
{
    private const int MaxToken = 4096;

    /// <summary>The identity in <paramref name="folder"/>, or a new one. A renewal that does not succeed is told in the log: the old identity
    /// serves until it ends.</summary>
    /// <exception cref="TroubleException">There is none and it cannot be had.</exception>
    public async Task<RoleIdentity> IdentityAsync(string folder, TimeProvider time, ILogger log, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(time);
        var join = new JoinClient(Primary, time);
        if (!RoleIdentity.Exists(folder)) return await JoinAsync(join, folder, log, cancel);
        var identity = RoleIdentity.Load(folder, time);
        if (!identity.NeedsRenewal(time.GetUtcNow())) return identity;
        try
        {
            var renewed = await join.RenewAsync(identity, folder, cancel);
            identity.Dispose();
            log.LogInformation("The certificate of '{Name}' was renewed.", renewed.Self.Name);
            return renewed;
        }
        catch (TroubleException e)
        {
            log.LogWarning("The certificate ends at {End:u} and could not be renewed: {Trouble}",
                identity.Certificate.NotAfter.ToUniversalTime(), e.Trouble);
            return identity;
        }
    }

    private async Task<RoleIdentity> JoinAsync(JoinClient join, string folder, ILogger log, CancellationToken cancel)
    {
        if (string.IsNullOrEmpty(Fingerprint) || string.IsNullOrEmpty(TokenFile))
        {
            throw new TroubleException($"{Role} {folder}", "It has not joined yet: --fingerprint and --join-token-file are needed once.",
                "On the primary server: stillpoint token create --for host|media.");
        }
        var identity = await join.JoinAsync(new JoinRequest(ReadToken(TokenFile), Name, Role, ""), Fingerprint, folder, cancel: cancel);
        log.LogInformation("Joined as '{Name}'.", identity.Self.Name);
        return identity;
    }

    private static string ReadToken(string path)
    {
        try
        {
            var token = File.ReadAllText(path).Trim();
            if (token.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) || token.Length > MaxToken)
            {
                throw new TroubleException($"join token {path}", "The file holds more than a token.",
                    "Leave nothing but the token in it, or have it written: stillpoint token create --out FILE.");
            }
            if (token.Length > 0) return token;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TroubleException($"join token {path}", $"It cannot be read: {e.Message}",
                "Give --join-token-file the file that holds the token.", inner: e);
        }
        throw new TroubleException($"join token {path}", "The file holds no token.",
            "Have it written: stillpoint token create --out FILE.");
    }
}
