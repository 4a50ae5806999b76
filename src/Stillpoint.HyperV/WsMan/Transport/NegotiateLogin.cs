using System.Net;
using System.Net.Security;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>
/// Negotiate: a connection is logged in by tokens that go to and fro on empty requests; over HTTP each message is sealed then, over HTTPS the
/// tokens are bound to the connection's TLS. One context a connection.
/// </summary>
internal sealed class NegotiateLogin(HyperVHostOptions options, TransportTroubles troubles) : ILogin
{
    private const string Scheme = "Negotiate";
    private const int MostSteps = 6;
    private const int LongestToken = 64 * 1024;

    private SecuritySession? _session;
    private int _connection;

    public async Task EnsureAsync(HostLink link, CancellationToken cancel)
    {
        if (_session is not null && _connection == link.Opened) return;
        Forget();
        if (options.IsEncrypted && link.Binding is null) await KnockAsync(link, cancel);
        var session = await BeginAsync(link, cancel);
        try
        {
            await ConverseAsync(session, link, cancel);
            _session = session;
            _connection = link.Opened;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    public Task<HttpResponseMessage> PostAsync(HostLink link, byte[] envelope, CancellationToken cancel) => options.IsEncrypted
        ? link.PostAsync(authorization: null, HeaderLogin.SoapType, envelope, cancel)
        : link.PostAsync(authorization: null, SealedBody.Type, _session!.Seal(envelope), cancel);

    public OpenedBody Open(byte[] body, string? contentType)
    {
        if (options.IsEncrypted) return HeaderLogin.Plain(body, contentType);
        return contentType?.StartsWith("multipart/encrypted", StringComparison.OrdinalIgnoreCase) == true
            ? _session!.Open(body)
            : throw new InvalidAnswerException("it is not sealed: somebody else may have written it");
    }

    public bool Forget()
    {
        var had = _session is not null;
        _session?.Dispose();
        _session = null;
        return had;
    }

    public void Dispose() => Forget();

    /// <summary>Opens the connection, for the tokens are bound to its TLS.</summary>
    private static async Task KnockAsync(HostLink link, CancellationToken cancel)
    {
        using var response = await link.PostAsync(authorization: null, HeaderLogin.SoapType, [], cancel);
        await HostLink.DrainAsync(response, cancel);
    }

    private async Task<SecuritySession> BeginAsync(HostLink link, CancellationToken cancel)
    {
        var packages = options.Authentication == HostAuthentication.Kerberos ? new[] { "Kerberos" }
            : Account.HasDomain(options) ? ["Kerberos", "NTLM"] : ["NTLM"];
        var reasons = new List<string>();
        foreach (var package in packages)
        {
            var (session, status) = await BeginAsync(SecuritySession.Options(options, package, link.Binding), cancel);
            if (session is not null) return session;
            reasons.Add($"{package}: {status}");
        }
        throw troubles.NoToken(string.Join(", ", reasons));
    }

    /// <summary>On a thread of its own, for a ticket is asked for over the network without a way to stop.</summary>
    private static async Task<(SecuritySession?, NegotiateAuthenticationStatusCode)> BeginAsync(
        NegotiateAuthenticationClientOptions begin, CancellationToken cancel)
    {
        var work = Task.Run(() => (SecuritySession.Begin(begin, out var status), status), CancellationToken.None);
        try
        {
            return await work.WaitAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            _ = work.ContinueWith(late => late.Result.Item1?.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion,
                TaskScheduler.Default);
            throw;
        }
    }

    private async Task ConverseAsync(SecuritySession session, HostLink link, CancellationToken cancel)
    {
        var connection = link.Opened;
        for (var step = 1; step <= MostSteps; step++)
        {
            var authorization = $"{Scheme} {Convert.ToBase64String(session.Token)}";
            using var response = await link.PostAsync(authorization, HeaderLogin.SoapType, [], cancel);
            var answer = TokenOf(response);
            await HostLink.DrainAsync(response, cancel);
            if (step == 1) connection = link.Opened;
            else if (connection != link.Opened) throw troubles.Broken("between two steps of the login");
            if (response.StatusCode == HttpStatusCode.Unauthorized)
            {
                if (answer is null) throw step == 1 && !Offers(response) ? troubles.NotOffered(response) : troubles.LoginRefused(session.Package);
            }
            else if (!response.IsSuccessStatusCode)
            {
                throw troubles.Status(response.StatusCode);
            }
            if (answer is not null && !session.IsComplete && !session.Take(answer)) throw troubles.LoginRefused(session.Package);
            if (response.IsSuccessStatusCode)
            {
                // A host that proves nothing of itself where proof was asked for is not the host.
                if (!session.IsComplete) throw troubles.Unproven(session.Package);
                return;
            }
            if (session.Token.Length == 0) throw troubles.LoginRefused(session.Package);
        }
        throw troubles.LoginRefused(session.Package);
    }

    private static bool Offers(HttpResponseMessage response) =>
        response.Headers.WwwAuthenticate.Any(h => h.Scheme.Equals(Scheme, StringComparison.OrdinalIgnoreCase));

    private static byte[]? TokenOf(HttpResponseMessage response)
    {
        var text = response.Headers.WwwAuthenticate
            .FirstOrDefault(h => h.Scheme.Equals(Scheme, StringComparison.OrdinalIgnoreCase) && h.Parameter is { Length: > 0 })?.Parameter;
        if (text is null) return null;
        if (text.Length > LongestToken) throw new InvalidAnswerException("its login token is too long");
        var token = new byte[text.Length];
        return Convert.TryFromBase64String(text, token, out var length) ? token[..length]
            : throw new InvalidAnswerException("its login token is not base64");
    }
}
