namespace Stillpoint.Transport;

/// <summary>How patient a data session is.</summary>
public sealed record DataClientOptions
{
    /// <summary>How long a broken session tries to go on before its calls fail. The media server holds a session longer than this.</summary>
    public TimeSpan ResumeFor { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long an address may refuse connections, after the one that was there broke, before the session is given up within
    /// <see cref="ResumeFor"/>: the machine is there and the media server is not, and its sessions went with it. Silence is a network that may come
    /// back, and has all of <see cref="ResumeFor"/>.</summary>
    public TimeSpan RefusedFor { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>A connection that says nothing for so long is broken.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>Limit of one attempt to connect, TLS and greeting included.</summary>
    public TimeSpan ConnectWithin { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the media server may take to open a session: it may have to load an index first.</summary>
    public TimeSpan OpenWithin { get; init; } = TimeSpan.FromMinutes(2);
}
