using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Stillpoint.HyperV.Tests.Login;

/// <summary>A relay between a client and the lab that keeps what passes, and can cut connections or change a byte.</summary>
internal sealed class Tap : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<(TcpClient Near, TcpClient Far)> _open = [];
    private readonly MemoryStream _sent = new();
    private readonly MemoryStream _received = new();
    private readonly Uri _target;
    private readonly Task _running;

    public Tap(Uri target)
    {
        _target = target;
        _listener.Start();
        _running = RunAsync();
    }

    public Uri Url => new UriBuilder(_target) { Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri;

    /// <summary>All that the client sent, as Latin-1.</summary>
    public string Sent => Text(_sent);

    /// <summary>All that the lab sent, as Latin-1.</summary>
    public string Received => Text(_received);

    public int Connections { get; private set; }

    /// <summary>Changes what the lab sends; null for nothing.</summary>
    public Func<byte[], byte[]>? Change { get; set; }

    /// <summary>Changes what the client sends; null for nothing.</summary>
    public Func<byte[], byte[]>? ChangeSent { get; set; }

    /// <summary>Closes all connections, as a restart of the host's service does.</summary>
    public void Cut()
    {
        lock (_open)
        {
            foreach (var (near, far) in _open)
            {
                near.Close();
                far.Close();
            }
            _open.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Cut();
        _listener.Stop();
        await _running;
        _stop.Dispose();
    }

    private static string Text(MemoryStream stream)
    {
        lock (stream) return Encoding.Latin1.GetString(stream.ToArray());
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptTcpClientAsync(_stop.Token);
                var far = new TcpClient();
                await far.ConnectAsync(_target.Host, _target.Port, _stop.Token);
                lock (_open) _open.Add((near, far));
                Connections++;
                _ = PassAsync(near, far, _sent, () => ChangeSent);
                _ = PassAsync(far, near, _received, () => Change);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task PassAsync(TcpClient from, TcpClient to, MemoryStream record, Func<Func<byte[], byte[]>?> change)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.GetStream().ReadAsync(buffer, _stop.Token) is var count and > 0)
            {
                var bytes = buffer[..count];
                lock (record) record.Write(bytes);
                await to.GetStream().WriteAsync(change()?.Invoke(bytes) ?? bytes, _stop.Token);
            }
            to.Close();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            to.Close();
        }
    }
}
