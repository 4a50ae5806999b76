using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Posts one envelope and reads one back: Basic authentication over HTTPS, one connection, answers bounded in length and time.</summary>
internal sealed class WsManTransport : IDisposable
{
    private readonly HyperVHostOptions _options;
    private readonly TimeProvider _time;
    private readonly CertificatePin? _pin;
    private readonly HttpClient _http;

    public WsManTransport(HyperVHostOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _pin = options.CertificateFingerprint is { Length: > 0 } fingerprint ? new CertificatePin(fingerprint) : null;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            MaxConnectionsPerServer = 1,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            // Shorter than hosts keep an idle connection: a method call must not meet one that the host is just closing.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
            SslOptions = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13 },
        };
        if (_pin is { } pin) handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => pin.Accepts(certificate);
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        var credentials = Encoding.UTF8.GetBytes($"{options.User}:{options.Password}");
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(credentials));
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The envelope that answers, a fault among them.</summary>
    /// <exception cref="TroubleException">Nothing usable came; <see cref="Trouble.Retry"/> tells whether asking again may help.</exception>
    public async Task<Answer> PostAsync(byte[] envelope, CancellationToken cancel)
    {
        var patience = _options.OperationTimeout + _options.AnswerGrace;
        using var timeout = new CancellationTokenSource(patience, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeout.Token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _options.Url) { Content = new ByteArrayContent(envelope) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/soap+xml") { CharSet = "UTF-8" };
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token);
            RefuseUnlessSoap(response);
            var body = await ReadBoundedAsync(response.Content, both.Token);
            using var text = Decode(body, response.Content.Headers.ContentType?.CharSet);
            return new(EnvelopeReader.Parse(text), body.Length);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            var what = timeout.IsCancellationRequested ? $"gave no answer within {patience.TotalSeconds:0} s."
                : "did not take the connection in time.";
            throw Trouble(what, "Look whether the host is up and not overloaded, and whether the network lets port 5986 through.", retry: true, e);
        }
        catch (HttpRequestException e)
        {
            throw Translate(e);
        }
        catch (IOException e)
        {
            throw Trouble($"broke the connection off ({e.Message}).", "Look whether the host is up; the next run tries again.", retry: true, e);
        }
        catch (InvalidAnswerException e)
        {
            throw Trouble($"gave an answer that cannot be read: {e.Message}.", "Look what answers at that address.", retry: false, e);
        }
    }

    private void RefuseUnlessSoap(HttpResponseMessage response)
    {
        var isSoap = response.Content.Headers.ContentType?.MediaType is "application/soap+xml" or "text/xml";
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK when isSoap:
            case HttpStatusCode.BadRequest or HttpStatusCode.InternalServerError when isSoap:
                return;
            case HttpStatusCode.Unauthorized:
                throw Trouble($"refused the user name or the password of '{_options.User}'.",
                    "Check the account and its password, and that the service allows Basic authentication over HTTPS "
                    + "(winrm set winrm/config/service/auth @{Basic=\"true\"}); a domain account cannot use Basic.", retry: false);
            case HttpStatusCode.Forbidden:
                throw Trouble($"does not let '{_options.User}' in (HTTP 403).",
                    "Put the account into Administrators, or into Hyper-V Administrators and Remote Management Users.", retry: false);
            case HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout:
                throw Trouble($"is too busy (HTTP {(int)response.StatusCode}).", "The next run tries again.", retry: true);
            default:
                throw Trouble($"answered HTTP {(int)response.StatusCode} and no SOAP: it is no WS-Management service.",
                    "Give the address as https://HOST:5986/wsman and enable the HTTPS listener (winrm quickconfig -transport:https).", retry: false);
        }
    }

    private async Task<byte[]> ReadBoundedAsync(HttpContent content, CancellationToken cancel)
    {
        if (content.Headers.ContentLength > _options.MaxAnswerBytes) throw TooLong();
        await using var stream = await content.ReadAsStreamAsync(cancel);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await stream.ReadAsync(buffer, cancel)) > 0)
        {
            if (body.Length + count > _options.MaxAnswerBytes) throw TooLong();
            body.Write(buffer, 0, count);
        }
        return body.ToArray();
    }

    private InvalidAnswerException TooLong() => new($"it is longer than {_options.MaxAnswerBytes} bytes");

    private static StreamReader Decode(byte[] body, string? charset)
    {
        var encoding = charset?.Trim('"', ' ').ToUpperInvariant() switch
        {
            null or "" or "UTF-8" => Encoding.UTF8,
            "UTF-16" or "UTF-16LE" => Encoding.Unicode,
            "UTF-16BE" => Encoding.BigEndianUnicode,
            "US-ASCII" => Encoding.ASCII,
            "ISO-8859-1" => Encoding.Latin1,
            var other => throw new InvalidAnswerException($"its character set '{other}' is unknown"),
        };
        return new StreamReader(new MemoryStream(body), encoding, detectEncodingFromByteOrderMarks: true);
    }

    private TroubleException Translate(HttpRequestException e)
    {
        for (Exception? cause = e; cause is not null; cause = cause.InnerException)
        {
            if (cause is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            {
                return Trouble("refused the connection: nothing listens there.",
                    "Start the WinRM service and its HTTPS listener (winrm quickconfig -transport:https); look at the firewall.", retry: true, e);
            }
            if (cause is SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain })
                return Trouble("is not known by that name.", "Check the host's name and DNS.", retry: true, e);
            if (cause is AuthenticationException) return CertificateTrouble(e);
        }
        return Trouble($"cannot be reached ({e.Message}).", "Look whether the host is up and the network lets port 5986 through.", retry: true, e);
    }

    private TroubleException CertificateTrouble(Exception e) => _pin?.Mismatch is { } shown
        ? Trouble($"shows a certificate with the SHA-256 {shown}, which is not the pinned one.",
            "If its certificate was renewed, pin the new fingerprint; otherwise find out who answers in its place.", retry: false, e)
        : Trouble($"shows a certificate that is not trusted, or speaks no TLS 1.2 ({e.InnerException?.Message ?? e.Message}).",
            "Pin the certificate's SHA-256 fingerprint, or install its authority on this machine.", retry: false, e);

    private TroubleException Trouble(string message, string nextStep, bool retry, Exception? inner = null) =>
        new($"host {_options.Url.Host}", message, nextStep, retry, inner);
}
