using System.Diagnostics.CodeAnalysis;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Authentication.ExtendedProtection;
using System.Security.Cryptography.X509Certificates;

namespace Stillpoint.HyperV;

/// <summary>
/// HTTP to one host over one connection at a time. Negotiate logs in a connection, not a request, and binds itself to the connection's TLS;
/// so this opens connections itself, counts them, and tells the binding of the newest.
/// </summary>
internal sealed class HostLink : IDisposable
{
    private const int LongestRefusal = 256 * 1024;
    private readonly HttpMessageInvoker _http;
    private readonly Uri _address;
    private readonly SslClientAuthenticationOptions? _tls;

    public HostLink(HyperVHostOptions options, ServerTrust trust)
    {
        // The handler is given plain HTTP and a stream that is TLS already.
        _address = new UriBuilder(options.Url) { Scheme = Uri.UriSchemeHttp, Port = options.Url.Port }.Uri;
        _tls = options.IsEncrypted ? Tls(options, trust) : null;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            MaxConnectionsPerServer = 1,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            // Shorter than hosts keep an idle connection: a method call must not meet one that the host is just closing.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
            ConnectCallback = ConnectAsync,
        });
    }

    /// <summary>How many connections were opened; a change means that nobody is logged in.</summary>
    public int Opened { get; private set; }

    /// <summary>The newest connection's <c>tls-server-end-point</c> (RFC 5929); null without TLS.</summary>
    public ChannelBinding? Binding { get; private set; }

    public void Dispose() => _http.Dispose();

    /// <summary>Posts a body, empty for a step of logging in.</summary>
    /// <param name="authorization">The header's value, null for none.</param>
    /// <param name="contentType">The body's type as it is to be written.</param>
    /// <param name="body">The body.</param>
    /// <param name="cancel">Breaks the connection off.</param>
    public async Task<HttpResponseMessage> PostAsync(string? authorization, string contentType, byte[] body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _address) { Content = new ByteArrayContent(body) };
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("Stillpoint", null));
        // As written: hosts compare the sealed type letter by letter, quotes included.
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        return await _http.SendAsync(request, cancel);
    }

    /// <summary>Reads the body of an answer that says nothing, so that its connection can go on.</summary>
    /// <exception cref="InvalidAnswerException">It is longer than such a body can be.</exception>
    public static async Task DrainAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancel);
        var buffer = new byte[4096];
        var total = 0;
        while (await stream.ReadAsync(buffer, cancel) is var count and > 0)
        {
            if ((total += count) > LongestRefusal) throw new InvalidAnswerException($"a refusal is longer than {LongestRefusal} bytes");
        }
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "the handler owns the stream, and the stream what is below it")]
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancel);
            stream = new NetworkStream(socket, ownsSocket: true);
            ChannelBinding? binding = null;
            if (_tls is not null)
            {
                var tls = new SslStream(stream);
                stream = tls;
                await tls.AuthenticateAsClientAsync(_tls, cancel);
                binding = tls.TransportContext.GetChannelBinding(ChannelBindingKind.Endpoint);
            }
            Binding = binding;
            Opened++;
            return stream;
        }
        catch
        {
            if (stream is not null) await stream.DisposeAsync();
            socket.Dispose();
            throw;
        }
    }

    private static SslClientAuthenticationOptions Tls(HyperVHostOptions options, ServerTrust trust)
    {
        var tls = new SslClientAuthenticationOptions
        {
            TargetHost = options.Url.IdnHost,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateChainPolicy = trust.ChainPolicy,
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) => trust.Accepts(certificate, chain, errors),
        };
        if (options.Authentication == HostAuthentication.Certificate && options.ClientCertificate is { } own)
        {
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(own, additionalCertificates: null);
            // Windows asks for the certificate after the request's head, by renegotiation, which TLS 1.3 does not have.
            tls.EnabledSslProtocols = SslProtocols.Tls12;
        }
        return tls;
    }
}
