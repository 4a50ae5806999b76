using System.Net;
using System.Net.Sockets;

namespace Stillpoint.Store.Tests;

/// <summary>Passes connections on to a server on this machine, and cuts or stalls them where it was told to.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly int _port;
    private readonly Task _accepting;
    private int _cuts, _stalls;

    public CuttingProxy(int port)
    {
        _port = port;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Uri Endpoint => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    /// <summary>Connections that were cut.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    /// <summary>Asked at each 16 KiB in either direction: true to cut the connection in the middle of them.</summary>
    public Func<bool>? Cut { get; set; }

    /// <summary>When this is true of the head of a request, the request is passed on and its answer is not.</summary>
    public Predicate<string>? LoseAnswer { get; set; }

    /// <summary>When this is true of the head of a request, its connection passes nothing more and stays open.</summary>
    public Predicate<string>? Stall { get; set; }

    /// <summary>Connections that stall.</summary>
    public int Stalls => Volatile.Read(ref _stalls);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            _ = ServeAsync(client);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient())
        using (var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token))
        {
            var connection = new Connection();
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _port, over.Token);
                await Task.WhenAny(
                    PassAsync(client.GetStream(), server.GetStream(), connection, requests: true, over.Token),
                    PassAsync(server.GetStream(), client.GetStream(), connection, requests: false, over.Token));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // The connection is over, which is what this is for.
            }
            await over.CancelAsync();
        }
    }

    private async Task PassAsync(NetworkStream from, NetworkStream to, Connection connection, bool requests, CancellationToken cancel)
    {
        var buffer = new byte[16 << 10];
        try
        {
            while (true)
            {
                var count = await from.ReadAsync(buffer, cancel);
                if (count == 0) return;
                if (requests && Stall?.Invoke(System.Text.Encoding.Latin1.GetString(buffer, 0, count)) == true)
                {
                    Interlocked.Increment(ref _stalls);
                    await Task.Delay(Timeout.Infinite, cancel);
                }
                if (requests && LoseAnswer?.Invoke(System.Text.Encoding.Latin1.GetString(buffer, 0, count)) == true) connection.Lost = true;
                if (!requests && connection.Lost)
                {
                    Interlocked.Increment(ref _cuts);
                    return;
                }
                bool cut;
                lock (_gate) cut = Cut?.Invoke() == true;
                await to.WriteAsync(buffer.AsMemory(0, cut ? count / 2 : count), cancel);
                if (!cut) continue;
                Interlocked.Increment(ref _cuts);
                return;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // The other end is gone.
        }
    }

    private sealed class Connection
    {
        public bool Lost { get; set; }
    }
}
