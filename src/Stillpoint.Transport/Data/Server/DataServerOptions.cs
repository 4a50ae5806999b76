namespace Stillpoint.Transport;

/// <summary>Bounds of a data endpoint: what any number of peers, sound or hostile, can make it hold.</summary>
public sealed record DataServerOptions
{
    /// <summary>Unacknowledged bytes that a session may have on the way.</summary>
    public int Window { get; init; } = 8 << 20;

    /// <summary>Connections at one time; further ones are closed at once.</summary>
    public int MaxConnections { get; init; } = 256;

    /// <summary>Sessions at one time, in all and of one client.</summary>
    public int MaxSessions { get; init; } = 128;

    /// <inheritdoc cref="MaxSessions"/>
    public int MaxSessionsOfOne { get; init; } = 16;

    /// <summary>How long a session without a connection is held for its client to come back.</summary>
    public TimeSpan SessionLease { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Time for TLS, greeting and opening.</summary>
    public TimeSpan Greeting { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A connection that says nothing for so long is closed; its session waits for another.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(45);
}
