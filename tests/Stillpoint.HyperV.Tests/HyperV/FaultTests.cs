using System.Net;
using System.Net.Sockets;
using System.Text;
using Stillpoint.Model;
using static Stillpoint.HyperV.Tests.Messages;

namespace Stillpoint.HyperV.Tests;

public sealed class FaultTests
{
    private static readonly Guid Vm = new("A1B2C3D4-0000-4000-8000-000000000001");

    public static TheoryData<string, string, string, string> Faults => new()
    {
        { "w:AccessDenied", WsManFault(5, "Zugriff verweigert"), "Zugriff verweigert", "LocalAccountTokenFilterPolicy" },
        { "w:InternalError", WmiError(2147749891, "Access denied"), "0x80041003", "Hyper-V Administrators" },
        { "w:InternalError", ProviderFault(2150859010, 2147749891, "Access denied"), "0x80041003", "Hyper-V Administrators" },
        { "a:DestinationUnreachable", WsManFault(2150858778, "no such URI"), "0x8033801A", "Install the Hyper-V role" },
        { "w:InternalError", WmiError(2147749902, "Invalid namespace"), "0x8004100E", "Install the Hyper-V role" },
        { "a:DestinationUnreachable", WmiError(2147749890, "Not found"), "0x80041002", "moved to another host" },
        { "w:QuotaLimit", WsManFault(2150859174, "quota"), "quota", "next run tries again" },
        { "w:EncodingLimit", WsManFault(2150858843, "too long"), "too long", "MaxEnvelopeSizekb" },
        { "w:SchemaValidationError", WsManFault(2150858817, "schema"), "schema", "event log" },
        { "w:InternalError", "", "Grund", "event log" },
        { "w:InternalError", ProviderFault(2150859010, 0x80041010, "Invalid class"), "0x80041010", "older than Windows Server 2016" },
        { "w:InternalError", WmiError(0x80041013, "Provider load failure"), "0x80041013", "net start vmms" },
        { "w:InternalError", ProviderFault(2150859010, 0x800706BA, "RPC"), "0x800706BA", "net start vmms" },
        { "w:InternalError", WmiError(0x80041069, "timed out"), "0x80041069", "overloaded" },
        { "w:InternalError", WmiError(0x8004106C, "quota"), "0x8004106C", "MaxConcurrentOperationsPerUser" },
        { "w:InternalError", WmiError(0x80041017, "Invalid query"), "0x80041017", "report it with the version" },
        { "w:InternalError", WsManFault(1327, "Logon failure"), "Logon failure", "Log on as a service" },
        { "w:InternalError", ProviderFault(2150859010, 0x8007052F, "Logon failure"), "0x8007052F", "Log on as a service" },
    };

    /// <summary>Both families: the snapshot services count from 1, all others from 32768.</summary>
    [Theory]
    [InlineData(1, "not supported (1)", "does not offer this", false)]
    [InlineData(2, "failed (2)", "event log", false)]
    [InlineData(3, "timed out (3)", "next run tries again", true)]
    [InlineData(4, "invalid parameter (4)", "report it", false)]
    [InlineData(5, "invalid state for this operation (5)", "next run tries again", true)]
    [InlineData(6, "invalid type (6)", "report it", false)]
    [InlineData(32768, "failed (32768)", "event log", false)]
    [InlineData(32769, "access denied (32769)", "LocalAccountTokenFilterPolicy", false)]
    [InlineData(32770, "not supported (32770)", "does not offer this", false)]
    [InlineData(32772, "timed out (32772)", "next run tries again", true)]
    [InlineData(32773, "invalid parameter (32773)", "report it", false)]
    [InlineData(32774, "system in use (32774)", "next run tries again", true)]
    [InlineData(32775, "invalid state for this operation (32775)", "next run tries again", true)]
    [InlineData(32776, "incorrect data type (32776)", "report it", false)]
    [InlineData(32777, "system not available (32777)", "next run tries again", true)]
    [InlineData(32778, "out of memory (32778)", "next run tries again", true)]
    [InlineData(32779, "file not found or in use (32779)", "compare the VM's settings", false)]
    [InlineData(0x8007052F, "an error (0x8007052F)", "Log on as a service", false)]
    public async Task A_return_code_says_what_and_what_to_do(long code, string what, string nextStep, bool retry)
    {
        await using var opened = new Opened(_ => Output("Msvm_VirtualSystemSnapshotService", "DestroySnapshot", ("ReturnValue", code.ToString())));
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.DestroyCheckpointAsync("Microsoft:x", default))).Trouble;
        Assert.Contains(what, trouble.Message, StringComparison.Ordinal);
        Assert.Contains(nextStep, trouble.NextStep, StringComparison.Ordinal);
        Assert.Equal(retry, trouble.Retry);
    }

    [Fact]
    public async Task Only_what_changes_nothing_is_sent_again()
    {
        var busy = new Reply([]) { Status = 503, ContentType = "text/plain" };
        await using var opened = new Opened(_ => busy);
        await Assert.ThrowsAsync<TroubleException>(() => opened.Host.CreateRecoveryCheckpointAsync(Vm, true, GuestBackupType.Copy, default));
        Assert.Single(opened.Server.Requests);
        await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetChangesAsync(@"C:\a.vhdx", "id", 1 << 20, default));
        Assert.Equal(["CreateSnapshot", "GetVirtualDiskChanges", "GetVirtualDiskChanges", "GetVirtualDiskChanges"],
            opened.Server.Requests.Select(r => r.Verb));
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_fault_says_who_what_and_what_to_do(string subcode, string detail, string what, string nextStep)
    {
        await using var opened = new Opened(_ => Fault(subcode, detail));
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.ListCheckpointsAsync(Vm, default))).Trouble;
        Assert.Equal("VM A1B2C3D4-0000-4000-8000-000000000001 on host 127.0.0.1", trouble.Culprit);
        Assert.Contains("could not list its checkpoints", trouble.Message, StringComparison.Ordinal);
        Assert.Contains(what, trouble.Message, StringComparison.Ordinal);
        Assert.Contains(nextStep, trouble.NextStep, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, "refused the user name or the password", "Basic", false)]
    [InlineData(403, "does not let 'Administrator' in", "Remote Management Users", false)]
    [InlineData(404, "is no WS-Management service", "https://HOST:5986/wsman", false)]
    [InlineData(503, "too busy", "next run", true)]
    public async Task A_status_of_http_without_soap_is_told_in_words(int status, string what, string nextStep, bool retry)
    {
        await using var opened = new Opened(_ => new Reply("<html/>"u8.ToArray()) { Status = status, ContentType = "text/html" });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetHostNameAsync(default))).Trouble;
        Assert.Equal("host 127.0.0.1", trouble.Culprit);
        Assert.Contains(what, trouble.Message, StringComparison.Ordinal);
        Assert.Contains(nextStep, trouble.NextStep, StringComparison.Ordinal);
        Assert.Equal(retry, trouble.Retry);
    }

    [Fact]
    public async Task A_wrong_password_is_tried_once_so_that_no_account_is_locked()
    {
        await using var opened = new Opened(_ => new Reply([]) { Status = 401, ContentType = "text/plain" });
        await Assert.ThrowsAsync<TroubleException>(() => opened.Host.GetHostNameAsync(default));
        Assert.Single(opened.Server.Requests);
    }

    [Fact]
    public async Task Nobody_listening_names_the_listener()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var url = new Uri($"https://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}/wsman");
        taken.Stop();
        await using var host = HyperVHostFactory.Create(new(url, "a", "b"), new ImpatientTime(), () => Guid.Empty);
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("refused the connection", trouble.Message, StringComparison.Ordinal);
        Assert.Contains("quickconfig", trouble.NextStep, StringComparison.Ordinal);
        Assert.True(trouble.Retry);
    }

    [Fact]
    public async Task Another_certificate_than_the_pinned_one_gets_no_password()
    {
        await using var server = new ScriptedHost(_ => All());
        var options = server.Options with { CertificateFingerprint = new string('a', 64) };
        await using var host = HyperVHostFactory.Create(options, new ImpatientTime(), () => Guid.Empty);
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains(server.Fingerprint, trouble.Message, StringComparison.Ordinal);
        Assert.Contains("pin the new fingerprint", trouble.NextStep, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_self_made_certificate_is_refused_without_a_pin()
    {
        await using var server = new ScriptedHost(_ => All());
        await using var host = HyperVHostFactory.Create(server.Options with { CertificateFingerprint = null }, new ImpatientTime(), () => Guid.Empty);
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("not trusted", trouble.Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_host_that_never_answers_is_given_up()
    {
        await using var opened = new Opened(_ => new Reply([]) { Silent = true });
        var asking = opened.Host.CreateRecoveryCheckpointAsync(Vm, true, GuestBackupType.Copy, default);
        while (opened.Server.Requests.Count == 0) await Task.Delay(5);
        opened.Time.ExpireTimeouts();
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => asking)).Trouble;
        Assert.Contains("no answer within 90 s", trouble.Message, StringComparison.Ordinal);
        Assert.True(trouble.Retry);
    }

    [Fact]
    public async Task Cancelling_ends_a_wait_at_once()
    {
        await using var opened = new Opened(_ => new Reply([]) { Silent = true });
        using var cancel = new CancellationTokenSource();
        var asking = opened.Host.GetHostNameAsync(cancel.Token);
        while (opened.Server.Requests.Count == 0) await Task.Delay(5);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
    }

    [Theory]
    [InlineData("http://hv1:5985/wsman", HostAuthentication.Basic, "Administrator", "p", "")]
    [InlineData("http://hv1:5985/wsman", HostAuthentication.Certificate, "", "", "")]
    [InlineData("http://hv1:5985/wsman", HostAuthentication.Negotiate, "Administrator", "p", "aa")]
    [InlineData("ftp://hv1/wsman", HostAuthentication.Negotiate, "Administrator", "p", "")]
    [InlineData("https://hv1:5986/wsman", HostAuthentication.Basic, "", "p", "")]
    [InlineData("https://hv1:5986/wsman", HostAuthentication.Basic, "a:b", "p", "")]
    [InlineData("https://hv1:5986/wsman", HostAuthentication.Negotiate, "Administrator", "", "")]
    [InlineData("https://hv1:5986/wsman", HostAuthentication.Negotiate, "Administrator", "p", "abc")]
    [InlineData("https://hv1:5986/wsman", HostAuthentication.Certificate, "", "", "")]
    public void Options_that_cannot_work_are_refused_at_once(string url, HostAuthentication way, string user, string password, string pin)
    {
        var options = new HyperVHostOptions(new Uri(url), user, password, pin) { Authentication = way };
        Assert.Throws<TroubleException>(() => HyperVHostFactory.Create(options, TimeProvider.System, () => Guid.Empty));
    }

    [Fact]
    public void The_password_is_not_in_the_options_text() =>
        Assert.DoesNotContain("secret", new HyperVHostOptions(new Uri("https://hv1"), "u", "secret").ToString(), StringComparison.Ordinal);
}
