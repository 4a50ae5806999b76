using System.Security.Cryptography.X509Certificates;
using Stillpoint.Model;

namespace Stillpoint.HyperV.Tests.Login;

public sealed class TlsLoginTests(LoginLab lab) : IClassFixture<LoginLab>
{
    [Fact]
    public async Task Negotiate_inside_tls()
    {
        await using var host = LoginLab.Open(lab.Tls);
        Assert.Equal("STILLPOINT-LAB", await host.GetHostNameAsync(default));
    }

    [Fact]
    public async Task Basic_inside_tls()
    {
        await using var host = LoginLab.Open(lab.Tls with { Authentication = HostAuthentication.Basic });
        Assert.Equal("STILLPOINT-LAB", await host.GetHostNameAsync(default));
    }

    [Fact]
    public async Task A_certificate_that_is_mapped_to_an_account_is_let_in_without_a_password()
    {
        var options = new HyperVHostOptions(lab.Https, "", "", lab.Lab.Fingerprint) { Authentication = HostAuthentication.Certificate };
        await using var host = LoginLab.Open(options with { ClientCertificate = lab.Mapped });
        Assert.Equal("STILLPOINT-LAB", await host.GetHostNameAsync(default));

        await using var stranger = LoginLab.Open(options with { ClientCertificate = lab.Unmapped });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => stranger.GetHostNameAsync(default))).Trouble;
        Assert.Contains("client certificate", trouble.Message, StringComparison.Ordinal);
        Assert.Contains("certmapping", (Assert.Throws<TroubleException>(() => LoginLab.Open(options))).Trouble.NextStep, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_login_that_was_relayed_from_another_tls_is_refused()
    {
        // Somebody who ends the client's TLS with a certificate of his own and goes on to the host with the client's tokens.
        await using var relay = new TlsRelay(lab.Https);
        await using var host = LoginLab.Open(lab.Tls with { Url = relay.Url, CertificateFingerprint = relay.Fingerprint });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("refused the user name or the password", trouble.Message, StringComparison.Ordinal);
        // Basic is not bound to its TLS: only the pin protects it.
        await using var basic = LoginLab.Open(lab.Tls with
        {
            Url = relay.Url, CertificateFingerprint = relay.Fingerprint, Authentication = HostAuthentication.Basic,
        });
        Assert.Equal("STILLPOINT-LAB", await basic.GetHostNameAsync(default));
    }

    [Fact]
    public async Task The_hosts_certificate_is_pinned_by_its_authority()
    {
        var shown = X509CertificateLoader.LoadPkcs12FromFile(Path.Combine(lab.Lab.DataFolder, "certificate.pfx"), null);
        await using var host = LoginLab.Open(lab.Tls with { CertificateFingerprint = null, CertificateAuthority = shown });
        Assert.Equal("STILLPOINT-LAB", await host.GetHostNameAsync(default));

        await using var other = LoginLab.Open(lab.Tls with { CertificateFingerprint = null, CertificateAuthority = lab.Unmapped });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => other.GetHostNameAsync(default))).Trouble;
        Assert.Contains("not trusted", trouble.Message, StringComparison.Ordinal);
        Assert.Contains("--hyperv-ca", trouble.NextStep, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, "refused the user name", false)]
    [InlineData(403, "does not let 'Administrator' in", false)]
    [InlineData(404, "is no WS-Management service", false)]
    [InlineData(503, "too busy", true)]
    public async Task A_host_that_answers_a_login_with_something_else(int status, string what, bool retry)
    {
        await using var server = new ScriptedHost(_ => new Reply([]) { Status = status, Headers = "WWW-Authenticate: Negotiate\r\n" });
        await using var host = LoginLab.Open(server.Options with { Authentication = HostAuthentication.Negotiate });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains(what, trouble.Message, StringComparison.Ordinal);
        Assert.Equal(retry, trouble.Retry);
    }

    [Theory]
    [InlineData("", "it offers nothing")]
    [InlineData("WWW-Authenticate: Basic realm=\"WSMAN\"\r\n", "it offers Basic")]
    public async Task A_host_that_does_not_offer_negotiate_says_what_it_offers(string headers, string what)
    {
        await using var server = new ScriptedHost(_ => new Reply([]) { Status = 401, Headers = headers });
        await using var host = LoginLab.Open(server.Options with { Authentication = HostAuthentication.Negotiate });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains(what, trouble.Message, StringComparison.Ordinal);
        Assert.Contains("winrm/config/service/auth", trouble.NextStep, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("WWW-Authenticate: Negotiate AAAA\r\n", 401)]
    [InlineData("WWW-Authenticate: Negotiate ====\r\n", 401)]
    [InlineData("", 200)]
    public async Task A_host_that_cannot_negotiate_is_not_talked_to(string headers, int status)
    {
        await using var server = new ScriptedHost(_ => new Reply([]) { Status = status, Headers = headers });
        await using var host = LoginLab.Open(server.Options with { Authentication = HostAuthentication.Negotiate });
        await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default));
        Assert.All(server.Requests, r => Assert.Null(r.Envelope));
    }
}
