using Stillpoint.HyperV;
using Stillpoint.Lab;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>Each option of a restore, through the wire; what fails leaves nothing.</summary>
public sealed class RestoreOptionsTests
{
    private static readonly UserMachine s_vm = HostRig.Vm("vm") with { Adapters = ["Default Switch", ""] };

    [Fact]
    public async Task A_vm_that_is_gone_comes_back_where_it_was_with_its_id_its_network_and_running()
    {
        await using var rig = await HostRig.StartAsync(s_vm with { UserCheckpoints = 1 });
        var (image, record) = await BackupAsync(rig);
        var original = await rig.VmAsync("vm");
        await rig.StateAsync("vm", "off");
        foreach (var checkpoint in original.Checkpoints) await rig.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        await rig.MergedAsync("vm");
        original = await rig.VmAsync("vm");
        await rig.Host.DestroyVirtualMachineAsync(original.Id, default);
        foreach (var disk in original.Disks) rig.Files.Delete(disk.Path);

        var report = await rig.RestoreAsync(image, o => o with
        {
            NewName = "vm", Original = true, KeepId = true, Start = true, Network = new NetworkMap(true, new Dictionary<string, string>()),
        });
        Assert.True(report.Outcome == JobOutcome.Ok, $"{report.Trouble} {string.Join(' ', report.Warnings)}");
        var back = await rig.VmAsync("vm");
        Assert.Equal((original.Id, VirtualMachineState.Running), (back.Id, back.State));
        Assert.Equal(original.Disks.Select(d => (d.SettingId, d.Path)), back.Disks.Select(d => (d.SettingId, d.Path)));
        Assert.Equal(original.Adapters.Select(a => a.IsConnected), back.Adapters.Select(a => a.IsConnected));
        await rig.StateAsync("vm", "off");
        await rig.AssertHoldsAsync("vm", record);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task The_place_and_the_id_of_a_vm_that_is_still_there_are_not_free(bool original, bool keepId)
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var (image, _) = await BackupAsync(rig);
        var report = await rig.RestoreAsync(image, o => o with { Original = original, KeepId = keepId });
        Assert.Equal(Phase.Preflight, report.Trouble!.Phase);
        Assert.Contains("restore rollback", report.Trouble.NextStep, StringComparison.Ordinal);
        await AssertNothingLeftAsync(rig);
    }

    [Fact]
    public async Task Another_folder_another_name_a_new_id_and_adapters_as_they_are_mapped()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var (image, record) = await BackupAsync(rig);
        var plain = await rig.RestoreAsync(image, o => o with { NewName = "plain" });
        Assert.Equal(JobOutcome.Ok, plain.Outcome);
        Assert.All((await rig.VmAsync("plain")).Adapters, a => Assert.False(a.IsConnected));

        var mapped = await rig.RestoreAsync(image, o => o with
        {
            NewName = "mapped", Folder = @"C:\Elsewhere\mapped", Network = new NetworkMap(false, new Dictionary<string, string> { ["*"] = "default switch" }),
        });
        Assert.True(mapped.Outcome == JobOutcome.Ok, mapped.Trouble?.ToString());
        var vm = await rig.VmAsync("mapped");
        Assert.NotEqual(image.VmId, vm.Id);
        Assert.All(vm.Adapters, a => Assert.True(a.IsConnected));
        Assert.All(vm.Disks, d => Assert.StartsWith(@"C:\Elsewhere\mapped", d.Path, StringComparison.Ordinal));
        Assert.StartsWith(@"C:\Elsewhere\mapped", vm.ConfigurationPath, StringComparison.Ordinal);
        await rig.AssertHoldsAsync("mapped", record);
    }

    [Fact]
    public async Task A_switch_that_the_host_has_not_is_refused_before_anything_is_written()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var (image, _) = await BackupAsync(rig);
        var report = await rig.RestoreAsync(image, o => o with { Network = new NetworkMap(false, new Dictionary<string, string> { ["*"] = "nowhere" }) });
        Assert.Equal(Phase.Preflight, report.Trouble!.Phase);
        Assert.Contains("Default Switch", report.Trouble.NextStep, StringComparison.Ordinal);
        await AssertNothingLeftAsync(rig);
    }

    [Fact]
    public async Task Disks_that_no_image_holds_are_taken_out_of_the_restored_vm()
    {
        await using var rig = await HostRig.StartAsync(
            s_vm with { PassThrough = 1, Disks = [new UserDisk(Size: HostRig.DiskSize), new UserDisk(Size: 1 << 20) { Shared = true }] });
        var (image, record) = await BackupAsync(rig);
        var report = await rig.RestoreAsync(image, o => o);
        Assert.True(report.Outcome == JobOutcome.Ok, report.Trouble?.ToString());
        var copy = await rig.VmAsync("copy");
        Assert.Single(copy.Disks);
        Assert.Empty(copy.PassThroughDisks);
        await rig.AssertHoldsAsync("copy", record);
        Assert.Equal((2, 1), ((await rig.VmAsync("vm")).Disks.Count, (await rig.VmAsync("vm")).PassThroughDisks.Count));
    }

    [Theory]
    [InlineData("import-fails", Phase.Define)]
    [InlineData("validate-fails", Phase.Realize)]
    [InlineData("realize-fails", Phase.Realize)]
    public async Task A_step_that_fails_undoes_all_of_it(string fault, Phase phase)
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var (image, _) = await BackupAsync(rig);
        await rig.FaultAsync(fault);
        var report = await rig.RestoreAsync(image, o => o with { Folder = @"C:\Elsewhere\copy" });
        Assert.Equal((JobOutcome.Failed, phase), (report.Outcome, report.Trouble!.Phase));
        await rig.AssertFaultsFiredAsync();
        await AssertNothingLeftAsync(rig);
        Assert.Empty(rig.Files.List(@"C:\Elsewhere\copy\Virtual Hard Disks", "*"));
    }

    [Fact]
    public async Task A_vm_that_does_not_start_is_kept()
    {
        await using var rig = await HostRig.StartAsync(s_vm);
        var (image, _) = await BackupAsync(rig);
        await rig.FaultAsync("start-fails", null);
        var report = await rig.RestoreAsync(image, o => o with { Start = true });
        Assert.Equal(JobOutcome.Partial, report.Outcome);
        Assert.Contains("did not start", Assert.Single(report.Warnings), StringComparison.Ordinal);
        Assert.Equal(VirtualMachineState.Off, (await rig.VmAsync("copy")).State);
    }

    private static async Task<(ImageSummary Image, Guid Record)> BackupAsync(HostRig rig)
    {
        await rig.WriteAsync("vm", bytes: 2 << 20);
        var image = await rig.BackupAsync("vm");
        return (image, await rig.RecordAsync(image.VmId));
    }

    private static async Task AssertNothingLeftAsync(HostRig rig)
    {
        Assert.Equal(["vm"], (await rig.Host.ListVirtualMachinesAsync(default)).Select(v => v.Name));
        Assert.Empty(await rig.Host.ListPlannedAsync(default));
        Assert.Empty(rig.Primary.Intents);
    }
}
