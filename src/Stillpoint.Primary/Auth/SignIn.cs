using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Passwords and sessions. A wrong name costs as much time as a wrong password; ten failures for a name within a quarter of an hour lock
/// it for the rest of that quarter.</summary>
internal sealed class SignIn(CatalogStore catalog, Secrets secrets, FirstAccount first, AuditLog audit, PrimaryOptions options)
{
    public const int ShortestPassword = 10;
    public const int LongestPassword = 256;
    private const int MostFailures = 10;
    private const int MostNames = 10_000;
    private static readonly TimeSpan s_quarter = TimeSpan.FromMinutes(15);
    private static readonly PasswordHasher<string> s_hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = 210_000 }));
    private static readonly Lazy<string> s_nobody = new(() => s_hasher.HashPassword("", "nobody's password"));
    private readonly ConcurrentDictionary<string, (int Count, DateTimeOffset Since)> _failures = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>What is kept of a password.</summary>
    public static string Hash(string user, string password) => s_hasher.HashPassword(user, password);

    /// <summary>What is wrong with a new password; null when nothing.</summary>
    public static string? Fault(string? password) => password is { Length: >= ShortestPassword and <= LongestPassword }
        ? null
        : $"A password has {ShortestPassword} to {LongestPassword} characters.";

    /// <summary>A session for a name and password.</summary>
    /// <exception cref="Refusal">They do not fit, or the name is locked.</exception>
    public async Task<IssuedToken> Session(string? user, string? password)
    {
        var now = options.Time.GetUtcNow();
        if (!Names.AreSound(user) || password is not { Length: > 0 and <= LongestPassword }) throw Wrong();
        if (_failures.TryGetValue(user!, out var failed) && failed.Count >= MostFailures && now - failed.Since < s_quarter)
        {
            throw new Refusal(StatusCodes.Status429TooManyRequests, new Trouble(
                null, $"user {user}", "Too many failed sign-ins.", $"Wait until {failed.Since + s_quarter:HH:mm} UTC.", Retry: true));
        }
        var found = await catalog.People.Find(user!);
        var fits = s_hasher.VerifyHashedPassword(user!, found?.PasswordHash ?? s_nobody.Value, password) != PasswordVerificationResult.Failed;
        if (found is null || !fits)
        {
            Count(user!, now);
            await audit.Write(user!, "sign-in", user!, refused: true, null);
            throw Wrong();
        }
        _failures.TryRemove(user!, out _);
        var account = found.Value.Account;
        var issued = await Issue(account, account.Role, "sign-in", options.SessionLife, session: true);
        first.SignedIn(account.Name);
        await audit.Write(account.Name, "sign-in", account.Name, refused: false, null);
        return issued;
    }

    /// <summary>A bearer token for an account.</summary>
    public async Task<IssuedToken> Issue(Account account, UserRole role, string name, TimeSpan life, bool session)
    {
        var now = options.Time.GetUtcNow();
        var secret = secrets.New(session ? "sps_" : "spk_");
        var token = new ApiToken(options.NewId(), name, account.Name, role, session, now, now + life);
        await catalog.People.AddToken(token, Secrets.Hash(secret));
        return new IssuedToken(secret, token.Id, token.User, token.Role, token.Expires);
    }

    private void Count(string user, DateTimeOffset now)
    {
        if (_failures.Count >= MostNames) _failures.Clear();
        _failures.AddOrUpdate(user, (1, now), (_, old) => now - old.Since < s_quarter ? (old.Count + 1, old.Since) : (1, now));
    }

    private static Refusal Wrong() => new(StatusCodes.Status401Unauthorized, new Trouble(
        null, "sign-in", "Name and password do not fit.", "Try again; the first password lies in the primary server's data folder."));
}
