using System.Net;
using System.Text;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>
/// Posts one envelope and reads one back, logging the connection in where that is needed. Answers are bounded in length and time. One call
/// at a time: Negotiate logs in a connection and numbers its messages.
/// </summary>
internal sealed class WsManTransport : IDisposable
{
    private readonly HyperVHostOptions _options;
    private readonly TimeProvider _time;
    private readonly TransportTroubles _troubles;
    private readonly HostLink _link;
    private readonly ILogin _login;

    public WsManTransport(HyperVHostOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        var trust = new ServerTrust(options);
        _troubles = new TransportTroubles(options, trust);
        _link = new HostLink(options, trust);
        _login = options.Authentication switch
        {
            HostAuthentication.Basic => HeaderLogin.Basic(options.User, options.Password),
            HostAuthentication.Certificate => HeaderLogin.Certificate(),
            _ => new NegotiateLogin(options, _troubles),
        };
    }

    public void Dispose()
    {
        _login.Dispose();
        _link.Dispose();
    }

    /// <summary>The envelope that answers, a fault among them.</summary>
    /// <exception cref="TroubleException">Nothing usable came; <see cref="Trouble.Retry"/> tells whether asking again may help.</exception>
    public async Task<Answer> PostAsync(byte[] envelope, CancellationToken cancel)
    {
        var patience = _options.OperationTimeout + _options.AnswerGrace;
        using var timeout = new CancellationTokenSource(patience, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeout.Token);
        var done = false;
        try
        {
            var answer = await ExchangeAsync(envelope, both.Token);
            done = true;
            return answer;
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw timeout.IsCancellationRequested ? _troubles.Silent(patience, e) : _troubles.NoConnection(e);
        }
        catch (HttpRequestException e)
        {
            throw _troubles.From(e);
        }
        catch (IOException e)
        {
            throw _troubles.Broken(e.Message, e);
        }
        catch (InvalidAnswerException e)
        {
            throw _troubles.Unreadable(e);
        }
        finally
        {
            // After anything but an answer nobody knows what the host made of the connection.
            if (!done) _login.Forget();
        }
    }

    private async Task<Answer> ExchangeAsync(byte[] envelope, CancellationToken cancel)
    {
        for (var again = false; ; again = true)
        {
            await _login.EnsureAsync(_link, cancel);
            using var response = await _login.PostAsync(_link, envelope, cancel);
            if (response.StatusCode == HttpStatusCode.Unauthorized && !again && _login.Forget())
            {
                // The connection was replaced, or the host forgot its login. It has not looked at the request, so that may be sent again.
                await HostLink.DrainAsync(response, cancel);
                continue;
            }
            var contentType = response.Content.Headers.NonValidated.TryGetValues("Content-Type", out var types) ? types.ToString() : null;
            if (!BringsSoap(response.StatusCode, contentType)) throw _troubles.Status(response.StatusCode);
            var body = await ReadBoundedAsync(response.Content, cancel);
            var (soap, charset) = _login.Open(body, contentType);
            using var text = Decode(soap, charset);
            return new(EnvelopeReader.Parse(text), body.Length);
        }
    }

    private static bool BringsSoap(HttpStatusCode status, string? contentType) =>
        status is HttpStatusCode.OK or HttpStatusCode.BadRequest or HttpStatusCode.InternalServerError
        && contentType?.Split(';')[0].Trim().ToUpperInvariant() is "APPLICATION/SOAP+XML" or "TEXT/XML" or "MULTIPART/ENCRYPTED";

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
}
