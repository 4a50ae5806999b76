using System.Net;
using System.Net.Http.Json;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>A client that is connected but cannot reach its Hyper-V host protects nothing: lists say so.</summary>
public sealed class HostHealthTests : IAsyncLifetime
{
    private static readonly TroubleException WrongPassword = new(
        "host hv1", "refused the user name or the password of 'Administrator'.", "Check the account and its password.");

    private PrimaryRig _rig = null!;
    private ScriptedClient _host = null!;

    public async ValueTask InitializeAsync()
    {
        _rig = await PrimaryRig.Start();
        _host = await _rig.Client("hv1");
        await _rig.Eventually(() => _rig.Get<HostView>("hosts/hv1"), h => h.VmCount == 2);
    }

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task A_wrong_password_of_the_host_shows_in_the_list_until_it_is_right()
    {
        Assert.Null((await _rig.Get<HostView>("hosts/hv1")).Trouble);

        await _host.Disconnect();
        _host.HostTrouble = WrongPassword;
        await _host.Connect();
        var listed = await _rig.Eventually(Listed, h => h.Trouble is not null);
        Assert.True(listed.Connected);
        Assert.Equal((WrongPassword.Trouble.Culprit, WrongPassword.Trouble.Message, WrongPassword.Trouble.NextStep),
            (listed.Trouble!.Culprit, listed.Trouble.Message, listed.Trouble.NextStep));
        Assert.Equal(2, listed.VmCount); // what was known before is still shown

        using var refused = await _rig.Admin.PostAsync("hosts/hv1/test", null, TestContext.Current.CancellationToken);
        Assert.NotEqual(HttpStatusCode.OK, refused.StatusCode);
        Assert.Contains("refused the user name", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);

        _host.HostTrouble = null;
        var right = await _rig.Post<HostView>("hosts/hv1/test", null);
        Assert.Null(right.Trouble);
        Assert.Null((await Listed()).Trouble);
    }

    private async Task<HostView> Listed() => Assert.Single((await _rig.Get<Page<HostView>>("hosts")).Items);
}
