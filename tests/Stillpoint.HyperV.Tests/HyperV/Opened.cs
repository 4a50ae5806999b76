namespace Stillpoint.HyperV.Tests;

/// <summary>A client, and a host of ours through it, against a scripted host.</summary>
internal sealed class Opened : IAsyncDisposable
{
    private readonly Random _random = new(20260101);

    public Opened(Func<Received, Reply> script) : this(new ScriptedHost(script))
    {
    }

    public Opened(params Reply[] replies) : this(new ScriptedHost(replies))
    {
    }

    private Opened(ScriptedHost server)
    {
        Server = server;
        Client = new WsManClient(server.Options, Time, NewId);
        Host = HyperVHostFactory.Create(server.Options, Time, NewId);
    }

    public ScriptedHost Server { get; }

    public ImpatientTime Time { get; } = new();

    public WsManClient Client { get; }

    public IHyperVHost Host { get; }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Host.DisposeAsync();
        await Server.DisposeAsync();
    }

    private Guid NewId()
    {
        var bytes = new byte[16];
        _random.NextBytes(bytes);
        return new Guid(bytes);
    }
}
