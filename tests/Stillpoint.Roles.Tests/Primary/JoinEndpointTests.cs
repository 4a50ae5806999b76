using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using Stillpoint.Model;
using Stillpoint.Roles.Tests.Transport;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>Who gets a certificate, and which certificate opens the control connection.</summary>
public sealed class JoinEndpointTests : IAsyncLifetime
{
    private PrimaryRig _rig = null!;

    public async ValueTask InitializeAsync() => _rig = await PrimaryRig.Start();

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task A_token_lets_in_once_also_when_twenty_try_at_the_same_time()
    {
        var token = await _rig.Post<JoinToken>("join-tokens", new { @for = "host" });
        var (_, csr) = RoleIdentityRequest("hv1");
        using var http = _rig.Anonymous();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
            http.PostAsJsonAsync("join", new JoinRequest(token.Token!, $"hv{i}", "client", csr), Words.Json)));
        Assert.Single(answers, a => a.StatusCode == HttpStatusCode.OK);
        Assert.Equal(19, answers.Count(a => a.StatusCode == HttpStatusCode.Forbidden));
        Assert.Single((await _rig.Get<Page<HostView>>("hosts")).Items);
        Assert.NotNull(Assert.Single((await _rig.Get<Page<JoinToken>>("join-tokens")).Items).Used);
    }

    [Theory]
    [InlineData("media", "hv1")]
    [InlineData("client", "hv2")]
    [InlineData("primary", "hv1")]
    [InlineData("client", "../hv1")]
    public async Task A_token_is_good_for_its_role_and_name_only(string role, string name)
    {
        var token = await _rig.Post<JoinToken>("join-tokens", new { @for = "host", name = "hv1" });
        using var http = _rig.Anonymous();
        var (_, csr) = RoleIdentityRequest("hv1");
        using var answer = await http.PostAsJsonAsync("join", new JoinRequest(token.Token!, name, role, csr), Words.Json);
        Assert.True(answer.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.BadRequest, answer.StatusCode.ToString());
        Assert.Null(Assert.Single((await _rig.Get<Page<JoinToken>>("join-tokens")).Items).Used);
    }

    [Fact]
    public async Task A_token_that_is_over_is_refused_and_a_damaged_request_does_not_cost_the_token()
    {
        var token = await _rig.Post<JoinToken>("join-tokens", new { @for = "host", hours = 1 });
        using var http = _rig.Anonymous();
        await PrimaryRig.Refused(await http.PostAsJsonAsync("join", new JoinRequest(token.Token!, "hv1", "client", "no request"), Words.Json),
            HttpStatusCode.Conflict);
        Assert.Null(Assert.Single((await _rig.Get<Page<JoinToken>>("join-tokens")).Items).Used);
        _rig.Time.Advance(TimeSpan.FromHours(2));
        var (_, csr) = RoleIdentityRequest("hv1");
        await PrimaryRig.Refused(await http.PostAsJsonAsync("join", new JoinRequest(token.Token!, "hv1", "client", csr), Words.Json),
            HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("own authority")]
    [InlineData("expired")]
    [InlineData("primary")]
    [InlineData("self-made authority's leaf")]
    public async Task Only_a_sound_leaf_opens_the_control_connection(string kind)
    {
        var ca = Path.Combine(_rig.Data, "ca");
        var now = _rig.Time.GetUtcNow();
        using var foreign = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        X509Certificate2? certificate = kind switch
        {
            "none" => null,
            "own authority" => X509Certificate2.CreateFromPemFile(Path.Combine(ca, "ca.pem"), Path.Combine(ca, "ca-key.pem")),
            "expired" => new Forgery { From = now.AddDays(-9), To = now.AddDays(-1) }.Make(ca, now),
            "primary" => new Forgery { Subject = "CN=primary, OU=primary" }.Make(ca, now),
            _ => new Forgery { Issuer = Forgery.Authority("CN=other", foreign, now) }.Make(ca, now),
        };
        Assert.Equal(HttpStatusCode.Unauthorized, await Knock(certificate));
    }

    [Fact]
    public async Task A_sound_leaf_opens_it_and_its_host_must_be_in_the_catalog()
    {
        using var good = new Forgery { Subject = "CN=hv9, OU=client" }.Make(Path.Combine(_rig.Data, "ca"), _rig.Time.GetUtcNow());
        Assert.Equal(HttpStatusCode.SwitchingProtocols, await Knock(good));
        // Known to the authority, unknown to the catalog: its hello is refused.
        Assert.Empty((await _rig.Get<Page<HostView>>("hosts")).Items);
    }

    [Fact]
    public async Task A_client_renews_its_certificate_under_its_own_name()
    {
        using var identity = await _rig.Join(PeerRoles.Client, "hv1");
        using var folder = new TemporaryFolder();
        using var renewed = await new JoinClient(_rig.Server.Address, _rig.Time).RenewAsync(identity, folder.Path);
        Assert.Equal(("hv1", "client"), (renewed.Self.Name, renewed.Self.Role));
        Assert.NotEqual(identity.Self.Serial, renewed.Self.Serial);
    }

    private async Task<HttpStatusCode> Knock(X509Certificate2? certificate)
    {
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = new AuthorityPin(_rig.Server.Fingerprint, _rig.Time).Accept;
        if (certificate is not null) handler.SslOptions.ClientCertificateContext =
            SslStreamCertificateContext.Create(certificate, null, offline: true);
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        try
        {
            await socket.ConnectAsync(new Uri($"wss://127.0.0.1:{_rig.Server.Address.Port}/control"), invoker, CancellationToken.None);
        }
        catch (WebSocketException)
        {
            // The status says why.
        }
        return socket.HttpStatusCode;
    }

    private static (string Key, string Csr) RoleIdentityRequest(string name) => RoleIdentity.Request(name, PeerRoles.Client, LeafKeyKind.EcdsaP256);
}
