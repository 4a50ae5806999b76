using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>Joining, over a real TLS server that issues from the request.</summary>
public sealed class JoinTests : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CertificateAuthority _authority;
    private readonly List<JoinRequest> _seen = [];
    private WebApplication? _app;
    private Uri? _address;

    public JoinTests() => _authority = CertificateAuthority.LoadOrCreate(_folder.File("ca"), TimeProvider.System);

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = _authority.IssueServer("primary-1", ["localhost", "127.0.0.1"]);
            https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            https.ClientCertificateValidation = (leaf, _, _) =>
                new PeerCertificates(_authority.Certificate, TimeProvider.System).TryReadClient(leaf, out var _, out var _);
        })));
        _app = builder.Build();
        _app.MapPost("/api/v1/join", (JoinRequest request) =>
        {
            _seen.Add(request);
            return request.Token is "good" or "good-2" or "good-3"
                ? Results.Json(new JoinResponse(_authority.Issue(request.CsrPem, request.Name, request.Role), _authority.Pem), Words.Json)
                : Results.Problem("the token was used before", statusCode: 403);
        });
        _app.MapPost("/api/v1/renew", (RenewRequest request, HttpContext context) =>
        {
            new PeerCertificates(_authority.Certificate, TimeProvider.System).TryReadClient(context.Connection.ClientCertificate,
                out var peer, out _);
            return Results.Json(new JoinResponse(_authority.Issue(request.CsrPem, peer!.Name, peer.Role), _authority.Pem), Words.Json);
        });
        await _app.StartAsync();
        _address = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null) await _app.DisposeAsync();
        Dispose();
    }

    public void Dispose()
    {
        _authority.Dispose();
        if (Directory.Exists(_folder.Path)) _folder.Dispose();
    }

    [Theory]
    [InlineData(LeafKeyKind.EcdsaP256)]
    [InlineData(LeafKeyKind.Rsa2048)]
    public async Task A_host_joins_loads_its_identity_again_and_renews_it(LeafKeyKind kind)
    {
        var data = _folder.File("data");
        using var joined = await Join().JoinAsync(new("good", "host-1", PeerRoles.Client, ""), _authority.Fingerprint.ToUpperInvariant(), data, kind);
        Assert.Equal(("host-1", PeerRoles.Client), (joined.Self.Name, joined.Self.Role));
        Assert.True(RoleIdentity.Exists(data));
        Assert.True(TemporaryFolder.IsOwnerOnly(Path.Combine(data, RoleIdentity.FileName)));

        using var loaded = RoleIdentity.Load(data, TimeProvider.System);
        Assert.Equal(joined.Certificate.Thumbprint, loaded.Certificate.Thumbprint);
        Assert.False(loaded.NeedsRenewal(TimeProvider.System.GetUtcNow().AddDays(200)));
        Assert.True(loaded.NeedsRenewal(TimeProvider.System.GetUtcNow().AddDays(250)));

        using var renewed = await Join().RenewAsync(loaded, data);
        Assert.Equal(loaded.Self.Name, renewed.Self.Name);
        Assert.NotEqual(loaded.Certificate.Thumbprint, renewed.Certificate.Thumbprint);
    }

    [Fact]
    public async Task No_token_goes_to_a_server_with_another_fingerprint()
    {
        var trouble = await Trouble(Join(), "good", new string('a', 64));
        Assert.Contains("fingerprint", trouble.Message, StringComparison.Ordinal);
        Assert.Contains(_authority.Fingerprint, trouble.Message, StringComparison.Ordinal);
        Assert.Empty(_seen);
        Assert.False(RoleIdentity.Exists(_folder.File("data")));
    }

    [Fact]
    public async Task A_role_joins_at_its_first_start_and_needs_no_token_afterwards()
    {
        var log = Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;
        var token = _folder.File("token");
        await File.WriteAllTextAsync(token, "good\n", TestContext.Current.CancellationToken);
        var bare = new Enrolment(_address!, PeerRoles.Media, "media-1", null, null);
        var missing = await Assert.ThrowsAsync<TroubleException>(() => bare.IdentityAsync(_folder.File("data"), TimeProvider.System, log, default));
        Assert.Contains("--join-token-file", missing.Trouble.Message, StringComparison.Ordinal);

        var whole = _folder.File("whole");
        await File.WriteAllTextAsync(whole, "token        good\nfingerprint  0123\n", TestContext.Current.CancellationToken);
        var more = await Assert.ThrowsAsync<TroubleException>(() => (bare with { Fingerprint = _authority.Fingerprint, TokenFile = whole })
            .IdentityAsync(_folder.File("data"), TimeProvider.System, log, default));
        Assert.Contains("more than a token", more.Trouble.Message, StringComparison.Ordinal);

        var first = bare with { Fingerprint = _authority.Fingerprint, TokenFile = token };
        using var joined = await first.IdentityAsync(_folder.File("data"), TimeProvider.System, log, default);
        using var again = await bare.IdentityAsync(_folder.File("data"), TimeProvider.System, log, default);
        Assert.Equal(joined.Certificate.Thumbprint, again.Certificate.Thumbprint);

        var late = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(TimeProvider.System.GetUtcNow().AddDays(300));
        using var renewed = await bare.IdentityAsync(_folder.File("data"), late, log, default);
        Assert.NotEqual(joined.Certificate.Thumbprint, renewed.Certificate.Thumbprint);
        Assert.Single(_seen);
    }

    [Fact]
    public async Task A_fresh_token_makes_a_role_join_anew_and_a_used_or_refused_one_leaves_it_as_it_is()
    {
        var (log, data, token) = (Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, _folder.File("data"), _folder.File("token"));
        await File.WriteAllTextAsync(token, "good", TestContext.Current.CancellationToken);
        var start = new Enrolment(_address!, PeerRoles.Media, "media-1", _authority.Fingerprint, token);
        using var joined = await start.IdentityAsync(data, TimeProvider.System, log, default);
        using var again = await start.IdentityAsync(data, TimeProvider.System, log, default);
        Assert.Equal(joined.Certificate.Thumbprint, again.Certificate.Thumbprint);
        Assert.Single(_seen);

        await File.WriteAllTextAsync(token, "refused", TestContext.Current.CancellationToken);
        using var kept = await start.IdentityAsync(data, TimeProvider.System, log, default);
        Assert.Equal(joined.Certificate.Thumbprint, kept.Certificate.Thumbprint);

        await File.WriteAllTextAsync(token, "good too", TestContext.Current.CancellationToken);
        using var unread = await start.IdentityAsync(data, TimeProvider.System, log, default);
        Assert.Equal(joined.Certificate.Thumbprint, unread.Certificate.Thumbprint);
        await File.WriteAllTextAsync(token, "good-2", TestContext.Current.CancellationToken);
        using var anew = await (start with { Name = "elsewhere", Fingerprint = null, IsNamed = false }).IdentityAsync(data, TimeProvider.System, log, default);
        Assert.NotEqual(joined.Certificate.Thumbprint, anew.Certificate.Thumbprint);
        Assert.Equal("media-1", anew.Self.Name);
        Assert.Contains(joined.Certificate.ExportCertificatePem(), await File.ReadAllTextAsync(
            Path.Combine(data, Enrolment.AsideName), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        using var after = await start.IdentityAsync(data, TimeProvider.System, log, default);
        Assert.Equal(anew.Certificate.Thumbprint, after.Certificate.Thumbprint);
        Assert.Equal(3, _seen.Count);

        // A token that is refused later does not cost what was set aside.
        await File.WriteAllTextAsync(token, "used", TestContext.Current.CancellationToken);
        using var still = await start.IdentityAsync(data, TimeProvider.System, log, default);
        Assert.Equal(anew.Certificate.Thumbprint, still.Certificate.Thumbprint);
        Assert.Contains(joined.Certificate.ExportCertificatePem(), await File.ReadAllTextAsync(
            Path.Combine(data, Enrolment.AsideName), TestContext.Current.CancellationToken), StringComparison.Ordinal);

        // Nor does a place that cannot be written keep the role from starting.
        File.Delete(Path.Combine(data, Enrolment.AsideName));
        Directory.CreateDirectory(Path.Combine(data, Enrolment.AsideName));
        await File.WriteAllTextAsync(token, "good-3", TestContext.Current.CancellationToken);
        using var stubborn = await start.IdentityAsync(data, TimeProvider.System, log, default);
        Assert.NotEqual(anew.Certificate.Thumbprint, stubborn.Certificate.Thumbprint);
    }

    [Fact]
    public async Task A_refused_token_says_so()
    {
        var trouble = await Trouble(Join(), "used", _authority.Fingerprint);
        Assert.Contains("the token was used before", trouble.Message, StringComparison.Ordinal);
        Assert.Contains("token create", trouble.NextStep, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unreachable_primary_may_be_tried_again()
    {
        var trouble = await Trouble(new JoinClient(new Uri("https://127.0.0.1:1"), TimeProvider.System), "good", _authority.Fingerprint);
        Assert.True(trouble.Retry);
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("zz")]
    public void A_fingerprint_must_be_one(string text) => Assert.Throws<TroubleException>(() => new AuthorityPin(text, TimeProvider.System));

    [Fact]
    public void Plain_http_is_refused() => Assert.Throws<TroubleException>(() => new JoinClient(new Uri("http://127.0.0.1"), TimeProvider.System));

    private JoinClient Join() => new(_address!, TimeProvider.System);

    private async Task<Trouble> Trouble(JoinClient join, string token, string fingerprint) =>
        (await Assert.ThrowsAsync<TroubleException>(() =>
            join.JoinAsync(new(token, "host-1", PeerRoles.Client, ""), fingerprint, _folder.File("data")))).Trouble;
}
