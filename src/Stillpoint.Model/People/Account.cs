namespace Stillpoint.Model;

/// <summary>What a person may do. Each includes the ones before it.</summary>
public enum UserRole
{
    /// <summary>Sees everything but people and secrets.</summary>
    Viewer,

    /// <summary>Runs and cancels jobs, restores.</summary>
    Operator,

    /// <summary>Policies, storage, people, tokens, audit.</summary>
    Admin,
}

/// <summary>A person's account.</summary>
/// <param name="Name">Unique; by the rule of names.</param>
/// <param name="Role">What it may do.</param>
/// <param name="Created">When, UTC.</param>
/// <param name="LastSignIn">When it last signed in, UTC.</param>
public sealed record Account(string Name, UserRole Role, DateTimeOffset Created, DateTimeOffset? LastSignIn);

/// <summary>A bearer token of an account, without its secret.</summary>
/// <param name="Id">The token.</param>
/// <param name="Name">What it is for.</param>
/// <param name="User">Whose it is.</param>
/// <param name="Role">What it may do: never more than its user.</param>
/// <param name="Session">True for one that a sign-in made.</param>
/// <param name="Created">When, UTC.</param>
/// <param name="Expires">Until when, UTC.</param>
public sealed record ApiToken(
    Guid Id, string Name, string User, UserRole Role, bool Session, DateTimeOffset Created, DateTimeOffset Expires);

/// <summary>A bearer token with its secret: shown once.</summary>
/// <param name="Token">The secret.</param>
/// <param name="Id">The token's id.</param>
/// <param name="User">Whose it is.</param>
/// <param name="Role">What it may do.</param>
/// <param name="Expires">Until when, UTC.</param>
public sealed record IssuedToken(string Token, Guid Id, string User, UserRole Role, DateTimeOffset Expires);

/// <summary>A one-time token with which a host or a media server joins.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="Token">The secret, shown once; null in lists.</param>
/// <param name="Role"><c>client</c> or <c>media</c>.</param>
/// <param name="Name">The only name that it is good for; null for any.</param>
/// <param name="Expires">Until when, UTC.</param>
/// <param name="Used">When it was used, UTC.</param>
/// <param name="Fingerprint">Of the primary's certificate authority: what the joining side checks.</param>
public sealed record JoinToken(
    Guid Id, string? Token, string Role, string? Name, DateTimeOffset Expires, DateTimeOffset? Used, string Fingerprint)
{
    /// <summary>What joins with it, in the words of <c>token create --for</c>: <c>host</c> or <c>media</c>.</summary>
    public string For => Role == "client" ? "host" : Role;
}

/// <summary>One line of the audit log.</summary>
public sealed record AuditEntry
{
    /// <summary>Counts up; 0 until the catalog gave one.</summary>
    public long Number { get; init; }

    /// <summary>When, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The user, client or media server; <c>anonymous</c> where nobody was known.</summary>
    public required string Who { get; init; }

    /// <summary>What was done, for example <c>policy.create</c>.</summary>
    public required string Action { get; init; }

    /// <summary>To what.</summary>
    public required string Subject { get; init; }

    /// <summary>True when it was refused.</summary>
    public bool Refused { get; init; }

    /// <summary>More, never a secret.</summary>
    public string? Detail { get; init; }
}
