using System.Net.Http.Headers;
using System.Text;

namespace Stillpoint.HyperV;

/// <summary>A header that says it all, inside TLS: Basic, or the name of mutual TLS (DSP0226 C.3.1).</summary>
internal sealed class HeaderLogin : ILogin
{
    public const string SoapType = "application/soap+xml;charset=UTF-8";
    private const string MutualTls = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";
    private readonly string _authorization;

    private HeaderLogin(string authorization) => _authorization = authorization;

    public static HeaderLogin Basic(string user, string password) =>
        new("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));

    public static HeaderLogin Certificate() => new(MutualTls);

    public Task EnsureAsync(HostLink link, CancellationToken cancel) => Task.CompletedTask;

    public Task<HttpResponseMessage> PostAsync(HostLink link, byte[] envelope, CancellationToken cancel) =>
        link.PostAsync(_authorization, SoapType, envelope, cancel);

    public OpenedBody Open(byte[] body, string? contentType) => Plain(body, contentType);

    /// <summary>A body that travelled in clear, inside TLS.</summary>
    public static OpenedBody Plain(byte[] body, string? contentType) =>
        new(body, MediaTypeHeaderValue.TryParse(contentType, out var type) ? type.CharSet : null);

    public bool Forget() => false;

    public void Dispose()
    {
    }
}
