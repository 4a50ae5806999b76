using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Stillpoint.Model;

namespace Stillpoint.HyperV.Tests.Login;

public sealed partial class NtlmOverHttpTests(LoginLab lab) : IClassFixture<LoginLab>
{
    [Fact]
    public async Task A_checkpoint_is_made_and_destroyed_over_http_and_nothing_is_readable_on_the_way()
    {
        await using var tap = new Tap(lab.Http);
        await using var host = LoginLab.Open(lab.Sealed with { Url = tap.Url });

        var web = Assert.Single(await host.ListVirtualMachinesAsync(default));
        var checkpoint = await host.CreateRecoveryCheckpointAsync(web.Id, applicationConsistent: true, GuestBackupType.Copy, default);
        Assert.Equal(CheckpointKind.Recovery, checkpoint.Kind);
        Assert.Equal(checkpoint.Id, Assert.Single(await host.ListCheckpointsAsync(web.Id, default)).Id);
        await host.DestroyCheckpointAsync(checkpoint.Id, default);
        Assert.Empty(await host.ListCheckpointsAsync(web.Id, default));

        var all = tap.Sent + tap.Received;
        Assert.DoesNotContain("Envelope", all, StringComparison.Ordinal);
        Assert.DoesNotContain("Msvm", all, StringComparison.Ordinal);
        Assert.DoesNotContain(lab.Password, all, StringComparison.Ordinal);
        Assert.DoesNotContain("Basic", all, StringComparison.Ordinal);
        Assert.Equal(1, tap.Connections);
        // Two tokens log the connection in, once.
        Assert.Equal(2, Tokens().Count(tap.Sent));
        Assert.Contains("multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"", tap.Sent,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("operator")]
    [InlineData("OPERATOR")]
    [InlineData(".\\operator")]
    [InlineData("STILLPOINT-LAB\\operator")]
    public async Task An_account_is_found_however_it_is_written(string user)
    {
        await using var host = LoginLab.Open(lab.Sealed with { User = user, Password = "Grüße aus Köln" });
        Assert.Equal("STILLPOINT-LAB", await host.GetHostNameAsync(default));
    }

    [Theory]
    [InlineData("Administrator", "wrong")]
    [InlineData("nobody", "wrong")]
    public async Task A_wrong_password_is_told_and_tried_once(string user, string password)
    {
        await using var tap = new Tap(lab.Http);
        await using var host = LoginLab.Open(lab.Sealed with { Url = tap.Url, User = user, Password = password });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Equal("host 127.0.0.1", trouble.Culprit);
        Assert.Equal($"refused the user name or the password of '{user}'.", trouble.Message);
        Assert.Contains("not locked", trouble.NextStep, StringComparison.Ordinal);
        Assert.False(trouble.Retry);
        Assert.Equal(2, Tokens().Count(tap.Sent));
    }

    [Fact]
    public async Task An_administrator_whom_uac_filters_is_told_so()
    {
        await using var host = LoginLab.Open(lab.Sealed with { User = "filtered", Password = "filtered-1" });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("LocalAccountTokenFilterPolicy", trouble.NextStep, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_is_cut_is_logged_in_anew()
    {
        await using var tap = new Tap(lab.Http);
        await using var host = LoginLab.Open(lab.Sealed with { Url = tap.Url });
        var web = Assert.Single(await host.ListVirtualMachinesAsync(default));
        tap.Cut();
        var checkpoint = await host.CreateRecoveryCheckpointAsync(web.Id, applicationConsistent: false, GuestBackupType.Copy, default);
        tap.Cut();
        await host.DestroyCheckpointAsync(checkpoint.Id, default);
        Assert.Equal(3, tap.Connections);
    }

    [Fact]
    public async Task A_changed_answer_is_not_believed()
    {
        await using var tap = new Tap(lab.Http);
        await using var host = LoginLab.Open(lab.Sealed with { Url = tap.Url });
        Assert.Single(await host.ListVirtualMachinesAsync(default));
        tap.Change = bytes =>
        {
            var at = bytes.AsSpan().IndexOf("octet-stream\r\n"u8);
            if (at >= 0 && at + 60 < bytes.Length) bytes[at + 60] ^= 1;
            return bytes;
        };
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("seal is broken", trouble.Message, StringComparison.Ordinal);
        tap.Change = null;
        Assert.Equal("STILLPOINT-LAB", await host.GetHostNameAsync(default));
    }

    [Fact]
    public async Task A_changed_request_is_not_carried_out()
    {
        await using var tap = new Tap(lab.Http);
        await using var host = LoginLab.Open(lab.Sealed with { Url = tap.Url });
        var web = Assert.Single(await host.ListVirtualMachinesAsync(default));
        tap.ChangeSent = bytes =>
        {
            var at = bytes.AsSpan().IndexOf("octet-stream\r\n"u8);
            if (at >= 0 && at + 60 < bytes.Length) bytes[at + 60] ^= 1;
            return bytes;
        };
        var making = host.CreateRecoveryCheckpointAsync(web.Id, applicationConsistent: false, GuestBackupType.Copy, default);
        await Assert.ThrowsAsync<TroubleException>(() => making);
        tap.ChangeSent = null;
        Assert.Empty(await host.ListCheckpointsAsync(web.Id, default));
    }

    [Fact]
    public async Task An_answer_in_clear_over_http_is_not_believed()
    {
        await using var tap = new Tap(lab.Http);
        await using var host = LoginLab.Open(lab.Sealed with { Url = tap.Url });
        Assert.Single(await host.ListVirtualMachinesAsync(default));
        var forged = Messages.All(Messages.Instance("Msvm_ComputerSystem", ("Name", "FORGED")));
        tap.Change = _ => Encoding.UTF8.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n"
            + $"Content-Length: {Encoding.UTF8.GetByteCount(forged)}\r\n\r\n{forged}");
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("not sealed", trouble.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_http_the_lab_offers_no_basic_and_takes_no_soap_in_clear()
    {
        using var stranger = new HttpClient();
        using var content = new StringContent("<x/>", Encoding.UTF8, "application/soap+xml");
        stranger.DefaultRequestHeaders.Authorization =
            new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("Administrator:" + lab.Password)));
        using var refused = await stranger.PostAsync(lab.Http, content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(["Negotiate"], refused.Headers.WwwAuthenticate.Select(h => h.Scheme));

        // A connection that is logged in must seal all the same, and the controls are not there at all.
        var options = lab.Sealed;
        var trust = new ServerTrust(options);
        using var link = new HostLink(options, trust);
        using var login = new NegotiateLogin(options, new TransportTroubles(options, trust));
        await login.EnsureAsync(link, TestContext.Current.CancellationToken);
        using var unsealed = await link.PostAsync(null, HeaderLogin.SoapType, "<x/>"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, unsealed.StatusCode);
        await HostLink.DrainAsync(unsealed, TestContext.Current.CancellationToken);
        using var again = await login.PostAsync(link, "<x/>"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.InternalServerError, again.StatusCode);
    }

    [Fact]
    public async Task The_controls_are_not_served_over_http()
    {
        await using var tap = new Tap(lab.Http);
        await using var host = LoginLab.Open(lab.Sealed with { Url = new Uri(tap.Url, "/lab/clear-faults") });
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => host.GetHostNameAsync(default))).Trouble;
        Assert.Contains("403", trouble.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(HostAuthentication.Basic)]
    [InlineData(HostAuthentication.Certificate)]
    public void A_password_in_clear_is_refused_before_anything_is_sent(HostAuthentication way)
    {
        var trouble = Assert.Throws<TroubleException>(() => LoginLab.Open(lab.Sealed with { Authentication = way })).Trouble;
        Assert.Contains("not https", trouble.Message, StringComparison.Ordinal);
        Assert.Contains("Negotiate", trouble.NextStep, StringComparison.Ordinal);
    }

    [GeneratedRegex("Authorization: Negotiate ")]
    private static partial Regex Tokens();
}
