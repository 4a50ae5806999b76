using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>Gets a process its identity from the primary server, and a new one before the old one ends.</summary>
public sealed class JoinClient
{
    private const int MaxAnswer = 64 * 1024;
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);
    private readonly Uri _primary;
    private readonly TimeProvider _time;

    /// <param name="primary">Base address, <c>https://host:port</c>.</param>
    /// <param name="time">What validity is judged by.</param>
    /// <exception cref="TroubleException">The address is not https.</exception>
    public JoinClient(Uri primary, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(primary);
        ArgumentNullException.ThrowIfNull(time);
        if (!primary.IsAbsoluteUri || primary.Scheme != Uri.UriSchemeHttps)
        {
            throw new TroubleException($"primary {primary}", "The address must begin with https://.", "Give --primary https://HOST:7843.");
        }
        _primary = primary;
        _time = time;
    }

    /// <summary>Joins: makes a key, sends the token and the request for a leaf, keeps the identity in <paramref name="folder"/>. The token
    /// leaves this process only after the server has shown an authority with the given fingerprint.</summary>
    /// <param name="request">Who wants to join: token, wanted name, role. Its CsrPem is made here.</param>
    /// <param name="fingerprint">SHA-256 of the authority, as the administrator gave it.</param>
    /// <param name="folder">The role's data folder.</param>
    /// <param name="kind">Kind of key to make.</param>
    /// <param name="cancel">Stops waiting; a token that was sent may have been used up.</param>
    /// <exception cref="TroubleException">Another server answered, the token was refused, or the answer is no identity of ours.</exception>
    public async Task<RoleIdentity> JoinAsync(
        JoinRequest request, string fingerprint, string folder, LeafKeyKind kind = LeafKeyKind.EcdsaP256, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!LeafSubject.IsName(request.Name))
        {
            throw new TroubleException($"name '{request.Name}'", "A name is 1 to 64 letters, digits, '-', '_' or '.'.", "Give another with --name.");
        }
        var pin = new AuthorityPin(fingerprint, _time);
        var (keyPem, csrPem) = RoleIdentity.Request(request.Name, request.Role, kind);
        using var http = Client(pin.Accept, null);
        var answer = await PostAsync(http, "api/v1/join", request with { CsrPem = csrPem }, () => pin.Refusal, cancel);
        CheckAnswer(answer, pin.Authority!, request.Role);
        return RoleIdentity.Save(folder, keyPem, answer.CertificatePem, answer.CaPem, _time);
    }

    /// <summary>Replaces an identity by one with a fresh key and a new term; name and role stay.</summary>
    public async Task<RoleIdentity> RenewAsync(RoleIdentity identity, string folder, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(identity);
        var (keyPem, csrPem) = RoleIdentity.Request(identity.Self.Name, identity.Self.Role, LeafKeyKind.EcdsaP256);
        using var http = Client(identity.Peers.RequireServer(PeerRoles.Primary), identity.Context);
        var answer = await PostAsync(http, "api/v1/renew", new RenewRequest(csrPem), () => "", cancel);
        CheckAnswer(answer, identity.Authority, identity.Self.Role);
        return RoleIdentity.Save(folder, keyPem, answer.CertificatePem, answer.CaPem, _time);
    }

    private static void CheckAnswer(JoinResponse answer, X509Certificate2 pinned, string role)
    {
        try
        {
            using var authority = X509Certificate2.CreateFromPem(answer.CaPem);
            using var leaf = X509Certificate2.CreateFromPem(answer.CertificatePem);
            if (authority.RawDataMemory.Span.SequenceEqual(pinned.RawDataMemory.Span)
                && LeafSubject.TryRead(leaf.SubjectName, out _, out var given) && given == role) return;
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            // Falls through to the same refusal: an answer that cannot be read is no identity.
        }
        throw new TroubleException("primary server", "Its answer to the join is no identity of this installation.",
            "Check that primary and host have the same version.");
    }

    private async Task<JoinResponse> PostAsync<T>(HttpClient http, string path, T body, Func<string> refusal, CancellationToken cancel)
    {
        try
        {
            using var answer = await http.PostAsJsonAsync(path, body, Words.Json, cancel);
            if (!answer.IsSuccessStatusCode) throw Refused(answer.StatusCode, await answer.Content.ReadAsStringAsync(cancel));
            return await answer.Content.ReadFromJsonAsync<JoinResponse>(Words.Json, cancel)
                is { CertificatePem: not null, CaPem: not null } joined ? joined : throw new JsonException("a field is missing");
        }
        catch (HttpRequestException e)
        {
            var why = refusal();
            throw why.Length > 0
                ? new TroubleException($"primary {_primary}", $"This is not the server whose fingerprint was given: {why}. No token was sent.",
                    "Compare --primary and --fingerprint with what the primary server prints.", inner: e)
                : new TroubleException($"primary {_primary}", $"It cannot be reached: {e.Message}", "Check the address and that it runs.", true, e);
        }
        catch (JsonException e)
        {
            throw new TroubleException($"primary {_primary}", $"Its answer cannot be read: {e.Message}",
                "Check that primary and host have the same version.", inner: e);
        }
        catch (TaskCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new TroubleException($"primary {_primary}", $"No answer within {s_timeout.TotalSeconds:0} seconds.", "Try again.", true, e);
        }
    }

    private TroubleException Refused(HttpStatusCode status, string text)
    {
        var detail = Detail(text);
        return status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
            ? new TroubleException($"primary {_primary}", $"It refused to let this host join: {detail ?? "the token is unknown, used or expired"}.",
                "Make a new token: stillpoint token create --for host|media.")
            : new TroubleException($"primary {_primary}", $"It answered {(int)status}{(detail is null ? "" : $": {detail}")}.",
                "Look at the primary server's log.", (int)status >= 500);
    }

    /// <summary>The <c>detail</c> of an RFC 9457 problem; null when the body is none.</summary>
    private static string? Detail(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("detail", out var detail)
                && detail.ValueKind == JsonValueKind.String ? detail.GetString()!.TrimEnd('.') : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private HttpClient Client(RemoteCertificateValidationCallback accept, SslStreamCertificateContext? own)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                RemoteCertificateValidationCallback = accept,
                ClientCertificateContext = own,
            },
        };
        return new HttpClient(handler) { BaseAddress = _primary, Timeout = s_timeout, MaxResponseContentBufferSize = MaxAnswer };
    }
}
