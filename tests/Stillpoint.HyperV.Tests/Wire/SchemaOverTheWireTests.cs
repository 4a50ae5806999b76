using Stillpoint.Model;

namespace Stillpoint.HyperV.Tests.Wire;

/// <summary>What the other tests over the wire do not call is called here, so that every call of the port is held to the published schema.</summary>
[Collection(nameof(LabCollection))]
public sealed class SchemaOverTheWireTests(LabFixture lab)
{
    [Fact]
    public async Task What_a_look_before_a_backup_asks_is_published()
    {
        var vm = await lab.FindAsync("web");
        Assert.Equal(GuestService.Ok, await lab.Host.GetGuestServiceAsync(vm.Id, default));
        Assert.True((await lab.Host.GetVersionAsync(default))!.Version >= HostVersion.First);
        Assert.False(await lab.Host.IsMergingDisabledAsync(vm.Id, default));
        await lab.Host.EnableMergingAsync(vm.Id, default);
        Assert.Equal(["Default Switch"], await lab.Host.ListSwitchesAsync(default));
    }

    [Fact]
    public async Task What_a_rollback_asks_is_published()
    {
        var vm = await lab.FindAsync("legacy");
        await lab.ControlAsync("state", new { vm = "legacy", state = "off" });
        var checkpoint = await lab.Host.CreateCheckpointAsync(vm.Id, default);
        Assert.Equal(CheckpointKind.User, checkpoint.Kind);
        await lab.Host.ApplyCheckpointAsync(checkpoint.Id, default);
        Assert.Equal(checkpoint.Id, await lab.Host.GetLastAppliedSnapshotAsync(vm.Id, default));
        await lab.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        await lab.MergedAsync(vm.Id);
        await lab.ControlAsync("state", new { vm = "legacy", state = "running" });
    }

    [Fact]
    public async Task What_a_release_asks_of_a_merge_is_published()
    {
        var vm = await lab.FindAsync("web");
        var checkpoint = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.Copy, default);
        await lab.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        for (var i = 0; (await lab.Host.GetMergeAsync(vm.Id, default)).IsMerging; i++)
        {
            Assert.True(i < 600, "the merge does not end");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
