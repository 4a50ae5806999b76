using System.Runtime.CompilerServices;
using Stillpoint.Lab;
using Stillpoint.Model;

namespace Stillpoint.HyperV.Tests.Login;

/// <summary>The client logs in to the lab by Kerberos, against an MIT KDC.</summary>
[Trait("Kind", "Slow")]
public sealed class KerberosTests(KerberosLab kerberos) : IClassFixture<KerberosLab>
{
    [Theory]
    [InlineData("HTTP/localhost")] // AES-256 with SHA-1, what domains use
    [InlineData("HTTP/aes128.test")]
    [InlineData("HTTP/sha2.test")] // a longer checksum, so that the seal's header has another length
    public async Task A_checkpoint_over_http_by_a_ticket_and_sealed_with_its_key(string principal)
    {
        kerberos.SkipUnlessInstalled();
        await using var tap = new Tap(kerberos.Lab.Http);
        await using var host = LoginLab.Open(kerberos.Options with { Url = OnLocalhost(tap.Url), ServicePrincipal = principal });
        var web = Assert.Single(await host.ListVirtualMachinesAsync(default));
        var checkpoint = await host.CreateRecoveryCheckpointAsync(web.Id, applicationConsistent: true, GuestBackupType.Copy, default);
        await host.DestroyCheckpointAsync(checkpoint.Id, default);
        Assert.DoesNotContain("Envelope", tap.Sent + tap.Received, StringComparison.Ordinal);
        Assert.DoesNotContain("TlRMTVNTUA", tap.Sent, StringComparison.Ordinal); // "NTLMSSP" in base64
        Assert.Contains("Authorization: Negotiate Y", tap.Sent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Negotiate_takes_kerberos_for_an_account_of_a_realm_and_ntlm_for_one_of_the_host()
    {
        kerberos.SkipUnlessInstalled();
        await using var tap = new Tap(kerberos.Lab.Http);
        var url = OnLocalhost(tap.Url);
        await using var realm = LoginLab.Open(kerberos.Options with { Url = url, Authentication = HostAuthentication.Negotiate });
        Assert.Equal("STILLPOINT-LAB", await realm.GetHostNameAsync(default));
        Assert.DoesNotContain("TlRMTVNTUA", tap.Sent, StringComparison.Ordinal);
        await using var local = LoginLab.Open(kerberos.Lab.Sealed with { Url = url });
        Assert.Equal("STILLPOINT-LAB", await local.GetHostNameAsync(default));
        Assert.Contains("TlRMTVNTUA", tap.Sent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Kerberos_inside_tls()
    {
        kerberos.SkipUnlessInstalled();
        await using var host = LoginLab.Open(kerberos.Options with
        {
            Url = OnLocalhost(kerberos.Lab.Https), CertificateFingerprint = kerberos.Lab.Lab.Fingerprint,
        });
        Assert.Equal("STILLPOINT-LAB", await host.GetHostNameAsync(default));
    }

    [Theory]
    [InlineData(Kdc.User, "wrong", "HTTP/localhost", "cannot be logged in to", "krb5.conf")]
    [InlineData("nobody@STILLPOINT.TEST", Kdc.Password, "HTTP/localhost", "cannot be logged in to", "krb5.conf")]
    [InlineData(Kdc.User, Kdc.Password, "HTTP/unknown.test", "cannot be logged in to", "the name it has in the realm")]
    [InlineData(Kdc.User, Kdc.Password, "HTTP/elsewhere.test", "refused the Kerberos ticket", "HTTP/elsewhere.test")]
    [InlineData("stranger@STILLPOINT.TEST", Kdc.Password, "HTTP/localhost", "refused the Kerberos ticket", "Hyper-V Administrators")]
    public async Task What_is_wrong_with_kerberos_is_told(string user, string password, string principal, string what, string nextStep)
    {
        kerberos.SkipUnlessInstalled();
        await using var host = LoginLab.Open(kerberos.Options with { User = user, Password = password, ServicePrincipal = principal });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains(what, trouble.Message, StringComparison.Ordinal);
        Assert.Contains(nextStep, trouble.NextStep, StringComparison.Ordinal);
        Assert.False(trouble.Retry);
    }

    [Fact]
    public async Task The_labs_seal_is_that_of_the_systems_own_calls()
    {
        kerberos.SkipUnlessInstalled();
        Assert.SkipUnless(await Tools.PythonHasAsync("gssapi"), "needs python3-gssapi");
        var environment = new Dictionary<string, string> { ["KRB5_CONFIG"] = KerberosEnvironment.Settings, ["KRB5CCNAME"] = "MEMORY:none" };
        var (code, output, error) = await Tools.RunAsync(Tools.Python,
            [Script(), OnLocalhost(kerberos.Lab.Http).ToString(), Kdc.User], environment, Kdc.Password);
        Assert.True(code == 0, error);
        Assert.Equal("header 60\nSTILLPOINT-LAB,web\n", output);
    }

    private static Uri OnLocalhost(Uri url) => new UriBuilder(url) { Host = "localhost" }.Uri;

    private static string Script([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "kerberos-witness.py");
}

/// <summary>A KDC, and a lab that takes its tickets.</summary>
public sealed class KerberosLab : IAsyncLifetime
{
    private Kdc? _kdc;

    internal LoginLab Lab { get; } = new() { More = [new LabAccount(Kdc.User, null, AccountRights.Administrator)] };

    internal HyperVHostOptions Options => new(new UriBuilder(Lab.Http) { Host = "localhost" }.Uri, Kdc.User, Kdc.Password)
    {
        Authentication = HostAuthentication.Kerberos,
    };

    public async ValueTask InitializeAsync()
    {
        if (!Kdc.IsInstalled) return;
        _kdc = await Kdc.StartAsync();
        await Lab.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_kdc is null) return;
        await Lab.DisposeAsync();
        await _kdc.DisposeAsync();
    }

    internal void SkipUnlessInstalled() => Assert.SkipUnless(_kdc is not null, "needs krb5-kdc and krb5-admin-server");
}
