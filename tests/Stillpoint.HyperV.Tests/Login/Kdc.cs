using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Stillpoint.HyperV.Tests.Login;

/// <summary>An MIT KDC on the loopback with a realm of its own, and the keytab of a host in it.</summary>
internal sealed class Kdc : IAsyncDisposable
{
    public const string Realm = "STILLPOINT.TEST";
    public const string User = "backup@STILLPOINT.TEST";
    public const string Password = "a password of the realm";
    private readonly Process _process;

    private Kdc(Process process) => _process = process;

    public static bool IsInstalled => Programs.Has("krb5kdc") && Programs.Has("kadmin.local") && Programs.Has("kdb5_util");

    public static async Task<Kdc> StartAsync()
    {
        var folder = Directory.CreateDirectory(KerberosEnvironment.Folder).FullName;
        var port = FreePort();
        await File.WriteAllTextAsync(KerberosEnvironment.Settings, $$"""
            [libdefaults]
            default_realm = {{Realm}}
            dns_lookup_kdc = false
            dns_lookup_realm = false
            dns_canonicalize_hostname = false
            rdns = false
            [realms]
            {{Realm}} = {
              kdc = 127.0.0.1:{{port}}
            }
            [domain_realm]
            localhost = {{Realm}}
            .test = {{Realm}}
            """);
        var profile = Path.Combine(folder, "kdc.conf");
        await File.WriteAllTextAsync(profile, $$"""
            [realms]
            {{Realm}} = {
              database_name = {{folder}}/principal
              key_stash_file = {{folder}}/stash
              acl_file = {{folder}}/acl
              kdc_listen = 127.0.0.1:{{port}}
              kdc_tcp_listen = 127.0.0.1:{{port}}
            }
            [logging]
            kdc = FILE:{{folder}}/kdc.log
            """);
        var environment = new Dictionary<string, string> { ["KRB5_CONFIG"] = KerberosEnvironment.Settings, ["KRB5_KDC_PROFILE"] = profile };
        await Must("kdb5_util", environment, "create", "-s", "-r", Realm, "-P", "master");
        string[] commands =
        [
            $"addprinc -pw \"{Password}\" {User}",
            $"addprinc -pw \"{Password}\" stranger@{Realm}",
            "addprinc -randkey -e aes256-cts-hmac-sha1-96:normal HTTP/localhost",
            "addprinc -randkey -e aes128-cts-hmac-sha1-96:normal HTTP/aes128.test",
            "addprinc -randkey -e aes256-cts-hmac-sha384-192:normal HTTP/sha2.test",
            $"ktadd -norandkey -k {KerberosEnvironment.KeyTab} HTTP/localhost HTTP/aes128.test HTTP/sha2.test",
            // Known to the realm, but the host has another key.
            "addprinc -randkey HTTP/elsewhere.test",
        ];
        foreach (var command in commands) await Must("kadmin.local", environment, "-r", Realm, "-q", command);
        var start = new ProcessStartInfo(Find("krb5kdc"), ["-n", "-r", Realm]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var kdc = new Kdc(Process.Start(start)!);
        for (var i = 0; !await AnswersAsync(port); i++)
        {
            Assert.True(i < 200 && !kdc._process.HasExited, "the KDC does not start");
            await Task.Delay(50);
        }
        return kdc;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(KerberosEnvironment.Folder, recursive: true);
    }

    private static async Task Must(string program, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var (code, output, error) = await Tools.RunAsync(Find(program), arguments, environment);
        Assert.True(code == 0, output + error);
    }

    private static string Find(string program) => File.Exists("/usr/sbin/" + program) ? "/usr/sbin/" + program : program;

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task<bool> AnswersAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
