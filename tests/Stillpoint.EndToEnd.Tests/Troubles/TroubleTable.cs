using Stillpoint.Cli;
using Stillpoint.Demo;
using Stillpoint.Model;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>All that goes wrong in the table, row by row.</summary>
internal static class TroubleTable
{
    private static CancellationToken Cancel => StandingSite.Cancel;

    public static IReadOnlyList<TroubleRow> Rows { get; } =
    [
        new("host unreachable", Phase.Initiate, "host 127.0.0.1", "refused the connection", "WinRM")
        {
            Break = site => site.Site.KillAsync("lab"),
            Mend = site => site.Site.StartLabAsync([], Cancel),
        },
        new("wrong credentials", Phase.Initiate, "host 127.0.0.1", "refused the user name or the password", "Check the account and its password")
        {
            Break = async site =>
            {
                var wrong = Path.Combine(site.Root, "wrong-password");
                await File.WriteAllTextAsync(wrong, "not the password", Cancel);
                site.Site.HostPasswordFile = wrong;
                await site.Site.StartClientAsync(null, Cancel);
            },
            Mend = site =>
            {
                site.Site.HostPasswordFile = null;
                return site.Site.StartClientAsync(null, Cancel);
            },
        },
        new("account without rights", Phase.Initiate, "on host 127.0.0.1", "denied", "Hyper-V Administrators")
        {
            Break = TroubleRow.Fault("access-denied", vm: null),
        },
        new("VM unknown", Phase.Start, "VM ghost on host hv1", "the host does not have it", "Mend the policy")
        {
            Policy = "app-and-ghost",
            Vm = "ghost",
            NewImages = 1,
            Break = async site =>
            {
                // Of a host that is away it cannot be known what it has: only then is such a policy taken.
                await site.Site.StopAsync("client");
                while ((await site.Site.Api.Get<HostView>("hosts/hv1", Cancel)).Connected) await Task.Delay(100, Cancel);
                await site.PolicyAsync("app-and-ghost", ["ghost", "app"]);
                await site.Site.StartClientAsync(null, Cancel);
            },
            Mend = site => site.Site.Api.Put<PolicyView>("policies/app-and-ghost", StandingSite.Policy("app-and-ghost", ["app"]), Cancel),
        },
        new("VM gone since the host was looked at", Phase.Initiate, "VM twin", "no VM of the id", "stillpoint host test")
        {
            Policy = "app-and-twin",
            Vm = "twin",
            NewImages = 1,
            Break = LoseTwinAsync,
            Mend = site => site.Site.Api.Put<PolicyView>("policies/app-and-twin", StandingSite.Policy("app-and-twin", ["app"]), Cancel),
        },
        new("VM in a state that cannot be checkpointed", Phase.Initiate, "VM app", "state", "Wait until the VM has started")
        {
            Break = site => site.Lab.StateAsync("app", "starting", Cancel),
            Mend = site => site.Lab.StateAsync("app", "running", Cancel),
        },
        new("checkpoint refused", Phase.Checkpoint, "on host 127.0.0.1", "0x80004005", "event log")
        {
            Break = TroubleRow.Fault("checkpoint-fails", "app"),
        },
        new("disk missing", Phase.Transfer, @"disk C:\", "not", "disk check")
        {
            Break = TroubleRow.Fault("disk-missing", "app"),
        },
        new("disk corrupt", Phase.Transfer, @"disk C:\", "region", "disk check")
        {
            Break = TroubleRow.Fault("disk-corrupt", "app"),
        },
        new("media server killed in the middle", Phase.Transfer, "media server 127.0.0.1", "session", "again")
        {
            Break = site => site.Site.StartMediaAsync(TroubleRow.KillAt(KillPoint.PackDurable), Cancel),
            Meanwhile = TroubleRow.Revive("media", s => s.StartMediaAsync(null, Cancel)),
        },
        new("client killed in the middle", Phase.Transfer, "host hv1", "restarted while the job ran", "Run it again")
        {
            Break = site => site.Site.StartClientAsync(TroubleRow.KillAt(KillPoint.TransferHalf), Cancel),
            Meanwhile = TroubleRow.Revive("client", s => s.StartClientAsync(null, Cancel)),
        },
        new("release fails", Phase.Release, "host 127.0.0.1", "0x80004005", "next backup")
        {
            Outcome = JobOutcome.Partial,
            ExitCode = ExitCodes.Partial,
            NewImages = 1,
            Break = TroubleRow.Fault("convert-fails", "app"),
        },
    ];

    /// <summary>A VM that the primary server saw on the host, and that somebody removed from it.</summary>
    private static async Task LoseTwinAsync(StandingSite site)
    {
        var image = (await site.Site.Api.List<ImageRecord>("images?vm=app", Cancel))[0];
        await site.RestoreVmAsync(image, "twin");
        Assert.Equal(0, (await site.CliAsync("host", "test", Site.HostName)).ExitCode);
        await site.PolicyAsync("app-and-twin", ["twin", "app"]);
        await using var host = site.OpenHost();
        await host.DestroyVirtualMachineAsync((await site.Lab.VmAsync("twin", Cancel)).Id, Cancel);
    }
}
