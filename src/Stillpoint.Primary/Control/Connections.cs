using System.Collections.Concurrent;
using Microsoft.AspNetCore.SignalR;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>One standing control connection whose peer has said hello.</summary>
internal sealed record Connection(string Name, string Role, string Id, RoleHello Hello, Action Abort);

/// <summary>Which clients and media servers are connected now, and the way to call them.</summary>
internal sealed class Connections(IHubContext<ControlHub> hub, TimeProvider time)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly ConcurrentDictionary<(string Role, string Name), Connection> _standing = new();
    private readonly ConcurrentDictionary<(string Role, string Name), DateTimeOffset> _lost = new();
    private readonly DateTimeOffset _started = time.GetUtcNow();

    /// <summary>The connection of a client; null when it is not connected.</summary>
    public Connection? Client(string name) => _standing.GetValueOrDefault((PeerRoles.Client, name));

    /// <summary>The connection of a media server; null when it is not connected.</summary>
    public Connection? Media(string name) => _standing.GetValueOrDefault((PeerRoles.Media, name));

    /// <summary>Since when a client that is not connected has been away: since the start of this process where it was never here.</summary>
    public DateTimeOffset AwaySince(string client) => _lost.GetValueOrDefault((PeerRoles.Client, client), _started);

    /// <summary>A peer said hello. An older connection of the same peer is ended: its process may be gone without our hearing of it.</summary>
    public void Add(Connection connection)
    {
        Connection? older = null;
        _standing.AddOrUpdate((connection.Role, connection.Name), connection, (_, old) =>
        {
            older = old;
            return connection;
        });
        if (older is not null && older.Id != connection.Id) older.Abort();
    }

    /// <summary>A connection ended.</summary>
    /// <returns>True when it was the peer's current one.</returns>
    public bool Remove(string role, string name, string id)
    {
        if (!_standing.TryGetValue((role, name), out var standing) || standing.Id != id) return false;
        _lost[(role, name)] = time.GetUtcNow();
        return _standing.TryRemove(new((role, name), standing));
    }

    /// <summary>Asks a client and waits for its answer.</summary>
    /// <exception cref="TroubleException">The client refused.</exception>
    /// <exception cref="Refusal">It did not answer: whether it heard is not known.</exception>
    public Task<T> Ask<T>(Connection client, Func<IClientCalls, Task<T>> call, CancellationToken cancel = default) =>
        Ask(client, (patience, heard) => call(RoleProxies.Client(hub.Clients.Client(client.Id), client.Name, patience, heard)), cancel);

    /// <summary>Asks a client to do something and waits until it has taken it over.</summary>
    /// <inheritdoc cref="Ask{T}(Connection, Func{IClientCalls, Task{T}}, CancellationToken)"/>
    public Task Tell(Connection client, Func<IClientCalls, Task> call, CancellationToken cancel = default) => Ask(client, async calls =>
    {
        await call(calls);
        return true;
    }, cancel);

    /// <summary>Asks a media server and waits for its answer.</summary>
    /// <inheritdoc cref="Ask{T}(Connection, Func{IClientCalls, Task{T}}, CancellationToken)"/>
    public Task<T> Ask<T>(Connection media, Func<IMediaCalls, Task<T>> call, CancellationToken cancel = default) =>
        Ask(media, (patience, heard) => call(RoleProxies.Media(hub.Clients.Client(media.Id), media.Name, patience, heard)), cancel);

    private async Task<T> Ask<T>(Connection peer, Func<CancellationToken, Action, Task<T>> call, CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(s_patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            // A long answer comes in parts, each within the patience.
            return await call(either.Token, () => patience.CancelAfter(s_patience));
        }
        catch (TroubleException e) when (e.InnerException is IOException)
        {
            throw Silent(peer);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw Silent(peer);
        }
    }

    private static Refusal Silent(Connection peer) => Refusal.Unavailable(
        $"{peer.Role} {peer.Name}", "It did not answer: the connection was lost, or it hangs.",
        "Look whether its service runs and reaches the primary server.");
}
