using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>One connection to a media server: TLS, greeting, frames. A session may outlive several.</summary>
internal sealed class DataLink : IDisposable
{
    private readonly Socket _socket;
    private readonly SslStream _tls;

    private DataLink(Socket socket, SslStream tls)
    {
        _socket = socket;
        _tls = tls;
        Reader = new FrameReader(tls);
        Writer = new FrameWriter(tls);
    }

    internal FrameReader Reader { get; }

    internal FrameWriter Writer { get; }

    /// <summary>Connects and agrees on a version.</summary>
    /// <param name="address"><c>host:port</c>.</param>
    /// <param name="identity">Who we are.</param>
    /// <param name="limit">Of all of it.</param>
    /// <param name="time">What the limit is measured with.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="TroubleException">It cannot be reached, is no media server of ours, or refuses.</exception>
    internal static async Task<DataLink> ConnectAsync(string address, RoleIdentity identity, TimeSpan limit, TimeProvider time,
        CancellationToken cancel)
    {
        var (host, port) = Endpoints.Parse(address);
        using var patience = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        DataLink? link = null;
        try
        {
            await socket.ConnectAsync(host, port, either.Token);
            var tls = new SslStream(new NetworkStream(socket, ownsSocket: false));
            link = new DataLink(socket, tls);
            await link.GreetAsync(host, identity, either.Token);
            return link;
        }
        catch (Exception e)
        {
            link?.Dispose();
            socket.Dispose();
            cancel.ThrowIfCancellationRequested();
            throw Explain(address, e);
        }
    }

    /// <summary>Sends one frame and reads the answer: for the start of a connection, when nobody else uses it.</summary>
    internal async Task<Frame> AskAsync(FrameKind kind, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        await Writer.WriteAsync(WireFormat.Frame(kind, 0, body.Span), cancel);
        await Writer.FlushAsync(cancel);
        Frame frame;
        do frame = await Reader.ReadAsync(cancel);
        while (frame.Kind == FrameKind.Alive);
        return frame;
    }

    public void Dispose()
    {
        // The socket first: a close notification must not wait for a peer that does not read.
        _socket.Dispose();
        _tls.Dispose();
        Reader.Dispose();
    }

    private async Task GreetAsync(string host, RoleIdentity identity, CancellationToken cancel)
    {
        await _tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = host,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                ClientCertificateContext = identity.Context,
                RemoteCertificateValidationCallback = identity.Peers.RequireServer(PeerRoles.Media),
            },
            cancel);
        var hello = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(hello, WireFormat.Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(hello.AsSpan(4), WireFormat.LowestVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(hello.AsSpan(6), WireFormat.Version);
        var answer = await AskAsync(FrameKind.Hello, hello, cancel);
        if (answer.Kind == FrameKind.Refused) throw new TroubleException(WireTrouble.Read(answer.Body.Span));
        if (answer.Kind != FrameKind.Welcome || answer.Body.Length != 2) throw new WireException($"it answers a hello with {answer.Kind}");
        var version = BinaryPrimitives.ReadUInt16LittleEndian(answer.Body.Span);
        if (version is < WireFormat.LowestVersion or > WireFormat.Version)
            throw new WireException($"it chose version {version}, which was not offered");
    }

    private static TroubleException Explain(string address, Exception e)
    {
        var culprit = $"media server {address}";
        return e switch
        {
            TroubleException trouble => trouble,
            AuthenticationException => new(culprit, $"Its certificate is not that of a media server of this installation: {e.Message}",
                "Join the media server to this primary server again.", inner: e),
            WireException => new(culprit, $"It does not speak the data protocol: {e.Message}.", "Check the address and both versions.", inner: e),
            OperationCanceledException => new(culprit, "It did not answer in time.", "Check that it runs and that its port is open.", true, e),
            _ => new(culprit, $"The connection cannot be made: {e.Message}", "Check that it runs, that its port is open, and its log.", true, e),
        };
    }
}
