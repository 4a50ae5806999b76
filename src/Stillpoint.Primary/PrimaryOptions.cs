using Microsoft.Extensions.Logging;

namespace Stillpoint.Primary;

/// <summary>How a primary server is set up.</summary>
public sealed record PrimaryOptions
{
    /// <summary>The port where nothing else is said.</summary>
    public const int DefaultPort = 7843;

    /// <summary>Folder of all that it keeps: authority, keys, catalog. Made where it is absent, for its owner only.</summary>
    public required string DataFolder { get; init; }

    /// <summary><c>HOST:PORT</c> to listen on; port 0 picks one.</summary>
    public string Listen { get; init; } = $"0.0.0.0:{DefaultPort}";

    /// <summary>Key files, and what is sealed with their keys.</summary>
    public required IKeyFormat KeyFormat { get; init; }

    /// <summary>Passphrase of the key store, UTF-8: it opens key files that are locked, and new ones are locked with it. Null for none.</summary>
    public byte[]? KeyPassphrase { get; init; }

    /// <summary>Clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Source of ids.</summary>
    public required Func<Guid> NewId { get; init; }

    /// <summary>Jobs that run on one host at the same time.</summary>
    public int JobsPerHost { get; init; } = 2;

    /// <summary>How long an active job waits for the word of a client that is not connected before it ends as failed.</summary>
    public TimeSpan ClientSilence { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a client that came back without a job has to deliver its outcome.</summary>
    public TimeSpan LostJobGrace { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How often queue and schedules are looked at when nothing happened.</summary>
    public TimeSpan Rhythm { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a sign-in lasts.</summary>
    public TimeSpan SessionLife { get; init; } = TimeSpan.FromHours(12);

    /// <summary>Rounds of PBKDF2 for a password that is set now; what was kept before keeps its own.</summary>
    public int PasswordCost { get; init; } = 210_000;

    /// <summary>How long a job may open data sessions.</summary>
    public TimeSpan GrantLife { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Says where the log goes; null for nowhere.</summary>
    public Action<ILoggingBuilder>? Logging { get; init; }
}
