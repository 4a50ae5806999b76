using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Stillpoint.Durable;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>How a role gets its identity at its start: the one that it has, renewed when it is time, or a new one by joining.</summary>
/// <param name="Primary">Base address of the primary server, https.</param>
/// <param name="Role">A word of <see cref="PeerRoles"/>.</param>
/// <param name="Name">The name to join under.</param>
/// <param name="Fingerprint">SHA-256 of the authority; needed to join only. A role that joined before trusts its own authority without it.</param>
/// <param name="TokenFile">File that holds the one-time token; needed to join only.</param>
/// <param name="IsNamed">False when the name is only a proposal: a role that joined before then keeps the name that it has.</param>
public sealed record Enrolment(Uri Primary, string Role, string Name, string? Fingerprint, string? TokenFile, bool IsNamed = true)
{
    /// <summary>The identity that a role had before it joined anew, beside <see cref="RoleIdentity.FileName"/>.</summary>
    public const string AsideName = "identity-before.pem";

    // SHA-256 of the token that was used last: a service is started with the same command line again and again.
    private const string UsedName = "join-token.sha256";
    private const int MaxToken = 4096;

    /// <summary>The identity in <paramref name="folder"/>, or a new one. A token that was not used here before makes it join anew, as when the
    /// primary server lost its catalog; the identity that was there is set aside. What does not succeed, that or a renewal, is told in the log: the
    /// old identity serves until it ends.</summary>
    /// <exception cref="TroubleException">There is none and it cannot be had.</exception>
    public async Task<RoleIdentity> IdentityAsync(string folder, TimeProvider time, ILogger log, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(time);
        var join = new JoinClient(Primary, time);
        if (!RoleIdentity.Exists(folder)) return await JoinAsync(join, folder, log, cancel);
        var identity = RoleIdentity.Load(folder, time);
        if (FreshToken(folder, log) is { } fresh && await RejoinAsync(join, folder, identity, fresh, log, cancel) is { } anew)
        {
            identity.Dispose();
            return anew;
        }
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
        var token = ReadToken(TokenFile);
        var identity = await join.JoinAsync(new JoinRequest(token, Name, Role, ""), Fingerprint, folder, cancel: cancel);
        NoteUsed(folder, token);
        log.LogInformation("Joined as '{Name}'.", identity.Self.Name);
        return identity;
    }

    /// <summary>Joins with a fresh token in place of <paramref name="before"/>; null when the primary server refuses or cannot be reached.</summary>
    private async Task<RoleIdentity?> RejoinAsync(
        JoinClient join, string folder, RoleIdentity before, string token, ILogger log, CancellationToken cancel)
    {
        var fingerprint = string.IsNullOrEmpty(Fingerprint) ? before.Authority.GetCertHashString(HashAlgorithmName.SHA256) : Fingerprint;
        var kept = await File.ReadAllBytesAsync(Path.Combine(folder, RoleIdentity.FileName), cancel);
        RoleIdentity identity;
        try
        {
            var request = new JoinRequest(token, IsNamed ? Name : before.Self.Name, Role, "");
            identity = await join.JoinAsync(request, fingerprint, folder, cancel: cancel);
        }
        catch (Exception e) when (e is TroubleException or IOException or UnauthorizedAccessException)
        {
            log.LogWarning("It did not join anew with the token in {File} and goes on as '{Name}': {Trouble}", TokenFile, before.Self.Name, e.Message);
            return null;
        }
        try
        {
            // Only now: a token that is refused must not cost what an earlier one set aside.
            DurableFile.Replace(Path.Combine(folder, AsideName), kept);
            NoteUsed(folder, token);
            log.LogInformation("Joined anew as '{Name}'; the identity from before is kept as {File}.", identity.Self.Name, AsideName);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.LogWarning("Joined anew as '{Name}'; the identity from before, or that the token was used, could not be written: {Error}", identity.Self.Name, e.Message);
        }
        return identity;
    }

    /// <summary>The token, when there is one and it is not the one that was used here last. A file that is gone was used and taken away.</summary>
    private string? FreshToken(string folder, ILogger log)
    {
        if (string.IsNullOrEmpty(TokenFile) || !File.Exists(TokenFile)) return null;
        try
        {
            var (token, used) = (ReadToken(TokenFile), Path.Combine(folder, UsedName));
            return File.Exists(used) && File.ReadAllText(used).Trim() == Hash(token) ? null : token;
        }
        catch (TroubleException e)
        {
            log.LogWarning("It joined before and goes on so: {Trouble}", e.Trouble);
            return null;
        }
    }

    private static void NoteUsed(string folder, string token) =>
        DurableFile.Replace(Path.Combine(folder, UsedName), Encoding.ASCII.GetBytes(Hash(token) + "\n"));

    private static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

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
