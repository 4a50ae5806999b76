using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>A wire that breaks: passes bytes on and cuts a connection after so many of them, in either direction.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Socket, byte> _sockets = new();
    private readonly Task _accepting;
    private int _stalls;

    public CuttingProxy(int target, int port = 0)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        Target = target;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = Task.Run(AcceptAsync);
    }

    public int Target { get; set; }

    /// <summary>Bytes that the next connection may carry; asked once for each. Null: all.</summary>
    public Func<int?> Allowance { get; set; } = () => null;

    public int Cuts { get; private set; }

    public int Port { get; }

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>From now on what is open carries nothing more, and nobody is told.</summary>
    public void StallAll() => Interlocked.Increment(ref _stalls);

    /// <summary>True: whoever connects from now on is cut off at once.</summary>
    public bool Closed { get; set; }

    public void CutAll()
    {
        foreach (var socket in _sockets.Keys) Cut(socket);
        Cuts++;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        CutAll();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync(_stop.Token);
                _ = CarryAsync(near);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task CarryAsync(Socket near)
    {
        var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _sockets[near] = _sockets[far] = 0;
        long left = Closed ? 0 : Allowance() ?? long.MaxValue;
        var stalls = Volatile.Read(ref _stalls);
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, Target);
            await Task.WhenAny(PassAsync(near, far), PassAsync(far, near));
            if (left <= 0) Cuts++;
        }
        catch (SocketException)
        {
        }
        Cut(near);
        Cut(far);

        async Task PassAsync(Socket from, Socket to)
        {
            var buffer = new byte[16 << 10];
            try
            {
                while (await from.ReceiveAsync(buffer) is > 0 and var count)
                {
                    var rest = Interlocked.Add(ref left, -count);
                    if (rest <= 0) return;
                    if (stalls != Volatile.Read(ref _stalls)) continue;
                    for (var sent = 0; sent < count;) sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
            }
        }
    }

    private void Cut(Socket socket)
    {
        _sockets.TryRemove(socket, out _);
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
        socket.Dispose();
    }
}
