using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>
/// The data endpoint of a media server: accepts mutual TLS from clients of this installation, opens what their grants name, and serves
/// sessions. What any peer can make it hold is bounded by <see cref="DataServerOptions"/>. A session survives its connection for the lease.
/// </summary>
public sealed class DataServer : IAsyncDisposable
{
    private static readonly TimeSpan s_sweepEvery = TimeSpan.FromSeconds(10);
    private readonly RoleIdentity _identity;
    private readonly DataServerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly SessionTable _sessions;
    private readonly ConcurrentDictionary<long, Task> _connections = new();
    private readonly CancellationTokenSource _stop = new();
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;
    private Task _sweeping = Task.CompletedTask;
    private long _lastConnection;
    private int _disposed;

    /// <param name="identity">A media server's identity.</param>
    /// <param name="units">What stands behind.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="time">What leases and limits are measured with.</param>
    /// <param name="newId">Makes session ids; they must be unguessable to be of use to their owner only, which the grant and the name are besides.</param>
    /// <param name="log">Refusals and ends.</param>
    public DataServer(RoleIdentity identity, IGrantedUnits units, DataServerOptions options, TimeProvider time, Func<Guid> newId, ILogger log)
    {
        _identity = identity;
        _options = options;
        _time = time;
        _log = log;
        _sessions = new SessionTable(units, options, time, newId);
    }

    /// <summary>Sessions at this moment, those between two connections included.</summary>
    public int Sessions => _sessions.Count;

    /// <summary>Connections at this moment.</summary>
    public int Connections => _connections.Count;

    /// <summary>Starts to listen.</summary>
    /// <param name="listen">Address and port; port 0 picks one.</param>
    /// <returns>Where it listens.</returns>
    /// <exception cref="TroubleException">The address cannot be had.</exception>
    public IPEndPoint Start(IPEndPoint listen)
    {
        ArgumentNullException.ThrowIfNull(listen);
        var listener = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(listen);
            listener.Listen(128);
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw new TroubleException($"data endpoint {listen}", $"It cannot be opened: {e.Message}.", "Choose another with --listen HOST:PORT; port 0 picks one.", inner: e);
        }
        _listener = listener;
        _accepting = Task.Run(AcceptAsync);
        _sweeping = Task.Run(SweepAsync);
        return (IPEndPoint)listener.LocalEndPoint!;
    }

    /// <summary>Stops listening, ends all connections and sessions. What clients put and did not commit stays unseen.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stop.CancelAsync();
        _listener?.Dispose();
        await Task.WhenAll(_accepting, _sweeping);
        await Task.WhenAll(_connections.Values);
        await _sessions.DisposeAsync();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Socket socket;
            try
            {
                socket = await _listener!.AcceptAsync(_stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of descriptors, or the peer was gone before we looked: neither ends the listening.
                _log.LogWarning("A connection could not be accepted: {Reason}", e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100), _time, CancellationToken.None);
                continue;
            }
            if (_connections.Count >= _options.MaxConnections)
            {
                _log.LogWarning("More than {Most} connections; one was closed.", _options.MaxConnections);
                socket.Dispose();
                continue;
            }
            Serve(socket);
        }
    }

    private void Serve(Socket socket)
    {
        var number = Interlocked.Increment(ref _lastConnection);
        var started = new TaskCompletionSource();
        _connections[number] = Task.Run(async () =>
        {
            await started.Task;
            try
            {
                socket.NoDelay = true;
                using var connection = new DataConnection(socket, _identity, _sessions, _options, _time, _log);
                await connection.RunAsync(_stop.Token);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _log.LogError(e, "A data connection failed.");
            }
            finally
            {
                _connections.TryRemove(number, out _);
            }
        });
        started.SetResult();
    }

    private async Task SweepAsync()
    {
        using var timer = new PeriodicTimer(s_sweepEvery, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token)) await _sessions.SweepAsync();
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }
}
