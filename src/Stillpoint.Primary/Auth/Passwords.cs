using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Stillpoint.Primary;

/// <summary>What is kept of passwords: PBKDF2 with HMAC-SHA-512, salted, the cost beside the hash.</summary>
internal sealed class Passwords(PrimaryOptions options)
{
    public const int Shortest = 10;
    public const int Longest = 256;
    private readonly PasswordHasher<string> _hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = options.PasswordCost }));

    /// <summary>What is kept of a password.</summary>
    public string Hash(string user, string password) => _hasher.HashPassword(user, password);

    /// <summary>True when the password is the one that was kept.</summary>
    public bool Fits(string user, string kept, string password) =>
        _hasher.VerifyHashedPassword(user, kept, password) != PasswordVerificationResult.Failed;

    /// <summary>What is wrong with a new password; null when nothing.</summary>
    public static string? Fault(string? password) => password is { Length: >= Shortest and <= Longest }
        ? null
        : $"A password has {Shortest} to {Longest} characters.";
}
