using Stillpoint.Lab;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>A host that speaks Japanese: nothing is told apart by its words, and its own errors reach people as it said them.</summary>
public sealed class LanguageTests
{
    [Fact]
    public async Task Backups_restores_and_rollbacks_do_not_depend_on_the_hosts_language()
    {
        await using var rig = await HostRig.StartAsync(o => o with { Language = "ja-JP" }, s => s, HostRig.Vm("vm") with { Adapters = ["Default Switch"] });
        await rig.WriteAsync("vm", bytes: 2 << 20);
        var full = await rig.BackupAsync("vm");
        var record = await rig.RecordAsync(full.VmId);
        await rig.WriteAsync("vm", seed: 2, bytes: 2 << 20);
        var next = await rig.BackupAsync("vm");
        Assert.Equal(ImageType.DifferentialIncremental, next.Type);
        await rig.AssertRestoresAsync(next);
        Assert.Equal("Default Switch", Assert.Single((await rig.Client.TakeInventory()).Vms).Adapters[0].Switch);
        Assert.Equal(JobOutcome.Ok, (await rig.RestoreAsync(next, o => o with { Network = new NetworkMap(true, new Dictionary<string, string>()) })).Outcome);
        await rig.StateAsync("vm", "off");
        Assert.Equal(JobOutcome.Ok, (await rig.RollbackAsync(full)).Outcome);
        await rig.AssertHoldsAsync("vm", record);
    }

    [Fact]
    public async Task Its_errors_are_told_as_it_said_them_and_known_by_their_numbers()
    {
        await using var rig = await HostRig.StartAsync(o => o with { Language = "ja-JP" }, s => s, HostRig.Vm("vm"));
        await rig.BackupAsync("vm");
        await rig.FaultAsync("tracking-lost", "vm");
        var report = await rig.BackupAsync(await rig.OrderAsync("vm"));
        Assert.Equal(FullReadCause.TrackingStale, HostRig.Good(report).Disks[0].FullCause);
        await rig.FaultAsync("checkpoint-fails", "vm");
        var failed = await rig.BackupAsync(await rig.OrderAsync("vm"));
        Assert.Contains("日本語", failed.Trouble!.Message, StringComparison.Ordinal);
        Assert.Contains("0x80004005", failed.Trouble.Message, StringComparison.Ordinal);
        await rig.AssertFaultsFiredAsync();
    }
}
