using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>The sessions of a data endpoint, with their bounds and their leases.</summary>
internal sealed class SessionTable(IGrantedUnits units, DataServerOptions options, TimeProvider time, Func<Guid> newId, ILogger log)
    : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Guid, DataSession> _sessions = new();
    private readonly SemaphoreSlim _opening = new(1);

    internal int Count => _sessions.Count;

    /// <summary>Opens a session. One that the same client has for the same new image ends first: its process was started again.</summary>
    /// <exception cref="TroubleException">The grant is refused, there are too many sessions, or the unit refuses.</exception>
    internal async Task<DataSession> OpenAsync(Peer peer, byte[] grantBytes, CancellationToken cancel)
    {
        var grant = Verify(peer, grantBytes);
        await _opening.WaitAsync(cancel);
        try
        {
            if (grant.Kind == GrantKind.Backup)
            {
                var olders = _sessions.Values.Where(s => s.Grant.ImageId == grant.ImageId && s.Grant.Kind == GrantKind.Backup);
                foreach (var older in olders) await EndAsync(older);
            }
            var ofOne = await MakeRoomAsync(peer);
            if (_sessions.Count >= options.MaxSessions || ofOne >= options.MaxSessionsOfOne)
            {
                throw new TroubleException($"client {peer.Name}",
                    $"There are {_sessions.Count} sessions open, {ofOne} of them of this client; no more are taken.",
                    "Wait for running jobs to end, or lower the number of jobs at one time.", true);
            }
            var unit = await units.OpenAsync(grant, cancel);
            var session = new DataSession(newId(), peer, grantBytes, grant, unit, time.GetTimestamp());
            _sessions[session.Id] = session;
            return session;
        }
        finally
        {
            _opening.Release();
        }
    }

    /// <summary>The session that a client wants to go on with.</summary>
    /// <exception cref="TroubleException">There is none such, or it belongs to another client or grant; it does not say which.</exception>
    internal DataSession Find(Peer peer, Guid id, ReadOnlySpan<byte> grantBytes) =>
        _sessions.TryGetValue(id, out var session) && !session.IsOver && session.Belongs(peer, grantBytes)
            ? session
            : throw new TroubleException("media server",
                "The session is unknown here: the media server was started again, or it held the session for as long as it could.",
                "Run the job again; chunks that were stored are not sent twice.", true);

    internal async Task EndAsync(DataSession session)
    {
        if (!_sessions.TryRemove(session.Id, out _)) return;
        try
        {
            await session.DisposeAsync();
        }
        catch (Exception e) when (e is TroubleException or IOException)
        {
            // Nothing was promised of a session that ends here; the unit's own next open sees what is left.
            log.LogWarning("A session of '{Client}' ended, and the storage unit failed at that: {Reason}", session.Peer.Name, e.Message);
        }
    }

    /// <summary>Ends sessions whose client did not come back.</summary>
    internal async Task SweepAsync()
    {
        foreach (var session in _sessions.Values)
        {
            if (session.IdleSince is { } since && time.GetElapsedTime(since) > options.SessionLease) await EndAsync(session);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var session in _sessions.Values) await EndAsync(session);
        _opening.Dispose();
    }

    /// <summary>A client that was killed leaves sessions that nobody comes back to: at its bound the one that has waited longest gives way.</summary>
    /// <returns>Sessions of that client.</returns>
    private async Task<int> MakeRoomAsync(Peer peer)
    {
        var own = _sessions.Values.Where(s => s.Peer.Name == peer.Name).ToList();
        if (own.Count < options.MaxSessionsOfOne || own.Where(s => s.IdleSince is not null).MinBy(s => s.IdleSince) is not { } left) return own.Count;
        await EndAsync(left);
        return own.Count - 1;
    }

    private JobGrant Verify(Peer peer, byte[] grantBytes)
    {
        var verifier = units.Grants ?? throw new TroubleException("media server",
            "It has not heard from its primary server yet and cannot check job grants.",
            "Check the media server's connection to the primary server.", true);
        return verifier.Verify(grantBytes, peer.Name);
    }
}
