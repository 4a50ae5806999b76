using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml.Linq;

namespace Stillpoint.HyperV.Tests;

/// <summary>What the scripted host answers with.</summary>
/// <param name="Body">The bytes of the body.</param>
internal sealed record Reply(byte[] Body)
{
    public int Status { get; init; } = 200;

    public string ContentType { get; init; } = "application/soap+xml;charset=UTF-8";

    /// <summary>Further headers, each with its line end.</summary>
    public string Headers { get; init; } = "";

    /// <summary>Closes the connection after so many bytes of the body; null for never.</summary>
    public int? BreakAfter { get; init; }

    /// <summary>Never answers.</summary>
    public bool Silent { get; init; }

    public static implicit operator Reply(string envelope) => new(Encoding.UTF8.GetBytes(envelope));
}

/// <summary>One request as it came.</summary>
/// <param name="Authorization">The header; empty for none.</param>
/// <param name="Envelope">What it holds; null for a step of logging in, which has no body.</param>
internal sealed record Received(string Authorization, XElement Envelope)
{
    public string Action => Envelope.Descendants().First(e => e.Name.LocalName == "Action").Value;

    public string Verb => Action[(Action.LastIndexOf('/') + 1)..];

    public string Text(string localName) => Envelope.Descendants().First(e => e.Name.LocalName == localName).Value;

    public XElement Body => Envelope.Elements().First(e => e.Name.LocalName == "Body");
}

/// <summary>An HTTPS server on the loopback that answers each request by a script: for what no well-behaved server would do.</summary>
internal sealed class ScriptedHost : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate = MakeCertificate();
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Received, Reply> _script;
    private readonly Task _running;
    private int _connections;

    public ScriptedHost(Func<Received, Reply> script)
    {
        _script = script;
        _listener.Start();
        _running = RunAsync();
    }

    /// <summary>Answers in this order, then with an error of HTTP.</summary>
    public ScriptedHost(params Reply[] replies) : this(InOrder(replies))
    {
    }

    public List<Received> Requests { get; } = [];

    public int Connections => _connections;

    public string Fingerprint => Convert.ToHexString(SHA256.HashData(_certificate.RawData));

    public Uri Url => new($"https://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/wsman");

    public HyperVHostOptions Options => new(Url, "Administrator", "secret", Fingerprint) { Authentication = HostAuthentication.Basic };

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _listener.Stop();
        _certificate.Dispose();
        _stop.Dispose();
    }

    private static Func<Received, Reply> InOrder(Reply[] replies)
    {
        var next = 0;
        return _ => next < replies.Length ? replies[next++] : new Reply([]) { Status = 418, ContentType = "text/plain" };
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                await ServeAsync(client);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            await using var tls = new SslStream(client.GetStream());
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
            while (await ReadAsync(tls) is { } request)
            {
                Requests.Add(request);
                var reply = _script(request);
                if (reply.Silent) await Task.Delay(Timeout.Infinite, _stop.Token);
                var head = $"HTTP/1.1 {reply.Status} Scripted\r\nContent-Type: {reply.ContentType}\r\n{reply.Headers}Content-Length: {reply.Body.Length}\r\n\r\n";
                var sent = Math.Min(reply.BreakAfter ?? reply.Body.Length, reply.Body.Length);
                await tls.WriteAsync((byte[])[.. Encoding.ASCII.GetBytes(head), .. reply.Body.AsSpan(0, sent)], _stop.Token);
                await tls.FlushAsync(_stop.Token);
                if (reply.BreakAfter is not null) return;
            }
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            // The client went away, as clients do that dislike a certificate or an answer.
        }
    }

    private async Task<Received?> ReadAsync(SslStream tls)
    {
        var received = new List<byte>();
        var buffer = new byte[16 * 1024];
        int end;
        while ((end = CollectionsMarshal.AsSpan(received).IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (await tls.ReadAsync(buffer, _stop.Token) is var count and > 0) received.AddRange(buffer.AsSpan(0, count));
            else return null;
        }
        var headers = Encoding.ASCII.GetString(CollectionsMarshal.AsSpan(received)[..end]).Split("\r\n").Skip(1).Select(line => line.Split(": ", 2))
            .ToDictionary(parts => parts[0], parts => parts[1], StringComparer.OrdinalIgnoreCase);
        // The client sends one request at a time, so whatever follows the head is its body.
        var body = new byte[int.Parse(headers["Content-Length"])];
        var early = received.Count - end - 4;
        received.CopyTo(end + 4, body, 0, early);
        await tls.ReadExactlyAsync(body.AsMemory(early), _stop.Token);
        return new(headers.GetValueOrDefault("Authorization", ""), body.Length == 0 ? null! : XElement.Parse(Encoding.UTF8.GetString(body)));
    }

    internal static X509Certificate2 MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=scripted", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }
}
