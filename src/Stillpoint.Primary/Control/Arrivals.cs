using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>A client or a media server comes and goes: it is noted, its jobs are compared with what it still
/// works on, its host is looked at.</summary>
internal sealed class Arrivals(
    CatalogStore catalog, Connections connections, JobReturns returns, Inventories inventories, ImageSync images,
    GrantSigner signer, JobDispatcher dispatcher,
    TimeProvider time, ILogger<Arrivals> log)
{
    private const int MostActiveJobs = 1_000;

    public async Task<RoleWelcome> Hello(Connection connection)
    {
        var (name, hello) = (connection.Name, connection.Hello);
        if (hello.Role != connection.Role) throw Wrong(connection, $"It calls itself {Shown(hello.Role)}; its certificate says {connection.Role}.");
        if (hello.ActiveJobs is not { Count: <= MostActiveJobs } || hello.Version is not { Length: <= 64 })
            throw Wrong(connection, "Its hello is out of bounds.");
        if (!await Seen(connection)) throw Wrong(connection, "It is not in the catalog: it was removed, or the catalog is another one.");
        log.LogInformation("{Role} {Name} connected, version {Version}", connection.Role, name, hello.Version);
        if (connection.Role == PeerRoles.Client)
        {
            // Before the connection counts, so that nothing can be handed out between its list of jobs and ours.
            var missing = await returns.Compare(connection);
            connections.Add(connection);
            returns.AfterGrace(connection, missing);
            inventories.TakeSoon(name);
        }
        else
        {
            connections.Add(connection);
            images.ServerSoon(name);
        }
        dispatcher.Wake();
        return new RoleWelcome(ProductVersion.Text, signer.PublicKey);
    }

    public async Task Gone(string role, string name, string connectionId)
    {
        if (!connections.Remove(role, name, connectionId)) return;
        log.LogInformation("{Role} {Name} disconnected", role, name);
        dispatcher.Wake();
        if (role == PeerRoles.Client && await catalog.Hosts.Find(name) is { Version: { } version })
            await catalog.Hosts.Seen(name, version, time.GetUtcNow());
    }

    private Task<bool> Seen(Connection connection)
    {
        var (name, hello, now) = (connection.Name, connection.Hello, time.GetUtcNow());
        if (connection.Role == PeerRoles.Client) return catalog.Hosts.Seen(name, hello.Version, now);
        if (!IsAddress(hello.DataAddress)) throw Wrong(connection, "Its data address is not HOST:PORT.");
        return catalog.MediaServers.Seen(name, hello.Version, hello.DataAddress, now);
    }

    private static bool IsAddress(string? text) =>
        text is { Length: <= 300 } && text.LastIndexOf(':') is > 0 and var colon && ushort.TryParse(text.AsSpan(colon + 1), out var port) && port > 0;

    private static TroubleException Wrong(Connection connection, string message) =>
        new($"{connection.Role} {connection.Name}", message,
            $"On the primary server: stillpoint token create --for {(connection.Role == PeerRoles.Client ? "host" : "media")} --name {connection.Name} --out FILE; "
            + "take FILE there and start it again with --join-token-file FILE.");

    private static string Shown(string? word) => word is PeerRoles.Client or PeerRoles.Media or PeerRoles.Primary ? word : "something else";
}
