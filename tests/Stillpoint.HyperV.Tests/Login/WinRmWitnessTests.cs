using System.Runtime.CompilerServices;

namespace Stillpoint.HyperV.Tests.Login;

/// <summary>Debian's python3-winrm against the lab: NTLM, sealing and transport of another implementation than either of ours.</summary>
[Trait("Kind", "Slow")]
public sealed class WinRmWitnessTests(LoginLab lab) : IClassFixture<LoginLab>
{
    /// <summary>NTLM needs MD4, which OpenSSL 3 keeps in its legacy provider.</summary>
    private const string OpenSsl = """
        openssl_conf = init
        [init]
        providers = providers
        [providers]
        default = activated
        legacy = activated
        [activated]
        activate = 1
        """;

    [Fact]
    public async Task It_enumerates_the_vms_and_makes_and_destroys_a_recovery_checkpoint_over_sealed_http()
    {
        await using var tap = new Tap(lab.Http);
        var (code, output, error) = await RunAsync(tap.Url, lab.Password);
        Assert.True(code == 0, error);
        Assert.Equal("vms web\nmade 1\nleft 0\n", output);
        Assert.DoesNotContain("Envelope", tap.Sent + tap.Received, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_refused_with_a_wrong_password()
    {
        var (code, _, error) = await RunAsync(lab.Http, "wrong");
        Assert.NotEqual(0, code);
        Assert.Contains("rejected", error, StringComparison.Ordinal);
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(Uri url, string password)
    {
        Assert.SkipUnless(await Tools.PythonHasAsync("winrm", "requests_ntlm"), "needs python3-winrm");
        var settings = Path.Combine(lab.Lab.DataFolder, "openssl.cnf");
        await File.WriteAllTextAsync(settings, OpenSsl, TestContext.Current.CancellationToken);
        return await Tools.RunAsync(Tools.Python, [Script(), url.ToString(), "Administrator"],
            new Dictionary<string, string> { ["OPENSSL_CONF"] = settings }, password);
    }

    private static string Script([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "winrm-witness.py");
}
