using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Stillpoint.Lab;

/// <summary>
/// Lets requests in as a host with the default settings of its service does: Negotiate over HTTP and HTTPS, Basic and client certificates over
/// HTTPS only. Others are answered with 401 and what is offered.
/// </summary>
internal sealed class Door(LabAccounts accounts, LabClock clock, RandomNumberGenerator random, X509Certificate2 certificate)
{
    private const string MutualTls = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";
    private readonly byte[] _binding = BindingOf(certificate);

    /// <summary>Who sends this request. When it is nobody yet, the answer has been written.</summary>
    public Visitor? Admit(HttpContext http)
    {
        var login = LoginOf(http);
        var authorization = http.Request.Headers.Authorization.ToString();
        if (authorization.Length == 0) return login.Account is { } known ? new(known, login.Context) : Refuse(http);
        var (scheme, value) = authorization.Split(' ', 2, StringSplitOptions.TrimEntries) is [var first, var second]
            ? (first, second) : (authorization, "");
        return scheme.ToUpperInvariant() switch
        {
            "NEGOTIATE" or "KERBEROS" or "NTLM" => Converse(http, login, scheme, value),
            "BASIC" when http.Request.IsHttps && Basic(value) is { } account => new(account, null),
            _ when scheme == MutualTls && http.Request.IsHttps && Mapped(http) is { } account => new(account, null),
            _ => Refuse(http),
        };
    }

    private Visitor? Converse(HttpContext http, ConnectionLogin login, string scheme, string value)
    {
        var bytes = new byte[value.Length];
        if (!Convert.TryFromBase64String(value, bytes, out var length)) return Refuse(http);
        var token = bytes[..length];
        var step = login.Accept(token, () => Begin(token, http.Request.IsHttps), out var answer);
        if (step == LoginStep.Refused) return Refuse(http);
        if (answer is { Length: > 0 }) http.Response.Headers.WWWAuthenticate = $"{scheme} {Convert.ToBase64String(answer)}";
        if (step == LoginStep.Done && http.Request.ContentLength is > 0) return new(login.Account!, login.Context);
        http.Response.StatusCode = step == LoginStep.Done ? StatusCodes.Status200OK : StatusCodes.Status401Unauthorized;
        http.Response.ContentLength = 0;
        return null;
    }

    private ISecurityContext? Begin(byte[] token, bool isTls) => NtlmMessage.TypeOf(token) switch
    {
        1 => new NtlmContext(accounts, clock, random, isTls ? _binding : null),
        0 when accounts.HasKerberos => new KerberosContext(accounts),
        _ => null,
    };

    private LabAccount? Basic(string value)
    {
        var bytes = new byte[value.Length];
        if (!Convert.TryFromBase64String(value, bytes, out var count)) return null;
        var pair = bytes.AsSpan(0, count);
        var colon = pair.IndexOf((byte)':');
        if (colon < 0 || accounts.Find(Encoding.UTF8.GetString(pair[..colon])) is not { Password: { } password } account) return null;
        return CryptographicOperations.FixedTimeEquals(pair[(colon + 1)..], Encoding.UTF8.GetBytes(password)) ? account : null;
    }

    /// <summary>The account that the client's certificate is mapped to, by the SHA-256 of it.</summary>
    private LabAccount? Mapped(HttpContext http) =>
        http.Connection.ClientCertificate is { } shown ? accounts.Find("certificate " + shown.GetCertHashString(HashAlgorithmName.SHA256)) : null;

    private Visitor? Refuse(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status401Unauthorized;
        http.Response.ContentLength = 0;
        http.Response.Headers.Append("WWW-Authenticate", "Negotiate");
        if (accounts.HasKerberos) http.Response.Headers.Append("WWW-Authenticate", "Kerberos");
        if (http.Request.IsHttps) http.Response.Headers.Append("WWW-Authenticate", "Basic realm=\"WSMAN\"");
        return null;
    }

    private static ConnectionLogin LoginOf(HttpContext http)
    {
        var items = http.Features.Get<IConnectionItemsFeature>()!.Items;
        if (items.TryGetValue(typeof(ConnectionLogin), out var kept)) return (ConnectionLogin)kept!;
        var login = new ConnectionLogin();
        items[typeof(ConnectionLogin)] = login;
        http.Features.Get<IConnectionLifetimeFeature>()!.ConnectionClosed.Register(login.Dispose);
        return login;
    }

    /// <summary>MD5 of <c>gss_channel_bindings_struct</c> with <c>tls-server-end-point</c> of the certificate, which is signed with SHA-256
    /// (RFC 5929 4.1, MS-NLMP 2.2.2.1).</summary>
    private static byte[] BindingOf(X509Certificate2 certificate)
    {
        byte[] data = [.. "tls-server-end-point:"u8, .. certificate.GetCertHash(HashAlgorithmName.SHA256)];
        return NtlmHash.Md5([.. new byte[16], .. BitConverter.GetBytes(data.Length), .. data]);
    }
}

/// <summary>Who sends a request.</summary>
/// <param name="Account">The account.</param>
/// <param name="Context">What seals the connection's messages; null where nothing does.</param>
internal sealed record Visitor(LabAccount Account, ISecurityContext? Context);
