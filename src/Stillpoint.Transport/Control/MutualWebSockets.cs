using System.Net.Http;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Authentication;
using Microsoft.AspNetCore.Http.Connections.Client;

namespace Stillpoint.Transport;

/// <summary>Opens WebSockets with mutual TLS. The certificate goes in as a context: with the plain collection some TLS stacks end the
/// connection instead of presenting it.</summary>
internal sealed class MutualWebSockets : IDisposable
{
    private readonly HttpMessageInvoker _invoker;

    internal MutualWebSockets(RoleIdentity identity)
    {
        _invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                ClientCertificateContext = identity.Context,
                RemoteCertificateValidationCallback = identity.Peers.RequireServer(PeerRoles.Primary),
            },
        });
    }

    public async ValueTask<WebSocket> ConnectAsync(WebSocketConnectionContext context, CancellationToken cancel)
    {
        var socket = new ClientWebSocket();
        try
        {
            await socket.ConnectAsync(context.Uri, _invoker, cancel);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose() => _invoker.Dispose();
}
