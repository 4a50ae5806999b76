using Stillpoint.Model;
using Stillpoint.VirtualDisks;

namespace Stillpoint.HyperV.Tests.Wire;

[Collection(nameof(LabCollection))]
public sealed class RestoreOverTheWireTests(LabFixture lab)
{
    private const string Folder = @"C:\Restored\vm";

    [Fact]
    public async Task A_vm_comes_back_from_its_configuration_beside_the_original()
    {
        var (configuration, original) = await SaveConfigurationAsync("db");

        var planned = await lab.Host.ImportPlannedAsync(configuration, keepId: false, default);
        Assert.NotEqual(original.Id, planned);
        var imported = Assert.Single(await lab.Host.ListPlannedAsync(default));
        Assert.Equal((planned, original.Disks.Count), (imported.Id, imported.Disks.Count));
        Assert.Equal(original.Disks.Select(d => d.SettingId), imported.Disks.Select(d => d.SettingId));
        Assert.DoesNotContain(await lab.Host.ListVirtualMachinesAsync(default), m => m.Id == planned);

        var paths = MakeDisks(original);
        await lab.Host.AdjustPlannedAsync(planned, new PlannedChanges("db <copy> & 'more'", Folder, paths), default);
        var adjusted = Assert.Single(await lab.Host.ListPlannedAsync(default));
        Assert.Equal("db <copy> & 'more'", adjusted.Name);
        Assert.Equal(paths.Values.Order(), adjusted.Disks.Select(d => d.Path).Order());
        await lab.Host.ValidatePlannedAsync(planned, default);
        var id = await lab.Host.RealizePlannedAsync(planned, default);
        Assert.Empty(await lab.Host.ListPlannedAsync(default));
        var real = await lab.Host.FindVirtualMachineAsync(id, default);
        Assert.Equal(("db <copy> & 'more'", VirtualMachineState.Off), (real!.Name, real.State));
        Assert.StartsWith(Folder, real.ConfigurationPath, StringComparison.OrdinalIgnoreCase);
        Assert.True(lab.Files.Exists(real.ConfigurationPath));

        await lab.Host.StartAsync(id, default);
        Assert.Equal(VirtualMachineState.Running, (await lab.Host.FindVirtualMachineAsync(id, default))!.State);
        var running = await Assert.ThrowsAsync<TroubleException>(() => lab.Host.DestroyVirtualMachineAsync(id, default));
        Assert.Contains("remove the VM", running.Trouble.Message, StringComparison.Ordinal);
        await lab.ControlAsync("state", new { vm = real.Name, state = "off" });
        await lab.Host.DestroyVirtualMachineAsync(id, default);
        Assert.Null(await lab.Host.FindVirtualMachineAsync(id, default));
        Assert.All(paths.Values, p => Assert.True(lab.Files.Exists(p)));
        Assert.Equal(original.Disks, (await lab.Host.FindVirtualMachineAsync(original.Id, default))!.Disks);
        Clear(paths.Values);
    }

    [Fact]
    public async Task The_copy_is_on_no_network()
    {
        var (configuration, original) = await SaveConfigurationAsync("web");
        var planned = await lab.Host.ImportPlannedAsync(configuration, keepId: false, default);
        using var client = new WsManClient(lab.Options, TimeProvider.System, () => Guid.Empty);
        async Task<IReadOnlyList<string?>> EnabledAsync() => [.. (await client.QueryAsync(HyperVNames.AnyClass,
            Wql.SelectAll(HyperVNames.EthernetSetting), default))
            .Where(p => SettingsReader.Owner(p.Required("InstanceID")) == planned).Select(p => p.Text("EnabledState"))];
        var before = await EnabledAsync();
        Assert.NotEmpty(before);
        Assert.All(before, state => Assert.Equal("2", state));

        var paths = MakeDisks(original);
        await lab.Host.AdjustPlannedAsync(planned, new PlannedChanges("copy", Folder, paths), default);

        Assert.All(await EnabledAsync(), state => Assert.Equal("3", state));
        await lab.Host.DestroyVirtualMachineAsync(planned, default);
        Assert.Empty(await lab.Host.ListPlannedAsync(default));
        Clear(paths.Values);
    }

    [Fact]
    public async Task A_planned_vm_without_its_disk_does_not_pass_and_says_which()
    {
        var (configuration, original) = await SaveConfigurationAsync("web");
        var planned = await lab.Host.ImportPlannedAsync(configuration, keepId: false, default);
        var paths = original.Disks.ToDictionary(d => d.SettingId, _ => @"C:\Restored\nowhere\gone.vhdx");
        try
        {
            await lab.Host.AdjustPlannedAsync(planned, new PlannedChanges("copy", Folder, paths), default);
            await lab.Host.ValidatePlannedAsync(planned, default);
            Assert.Fail("a disk that is not there was accepted");
        }
        catch (TroubleException e)
        {
            Assert.Contains("gone.vhdx", e.Trouble.Message, StringComparison.Ordinal);
            Assert.Contains(HyperVNames.Text(planned), e.Trouble.Culprit, StringComparison.Ordinal);
        }
        await lab.Host.DestroyVirtualMachineAsync(planned, default);
    }

    [Fact]
    public async Task A_file_that_is_no_configuration_is_refused()
    {
        using (var file = lab.Files.Create(@"C:\Restored\bad.vmcx")) file.Write("not a configuration"u8);
        await Assert.ThrowsAsync<TroubleException>(() => lab.Host.ImportPlannedAsync(@"C:\Restored\bad.vmcx", keepId: false, default));
        await Assert.ThrowsAsync<TroubleException>(() => lab.Host.ImportPlannedAsync(@"C:\Restored\missing.vmcx", keepId: false, default));
        Assert.Empty(await lab.Host.ListPlannedAsync(default));
        lab.Files.Delete(@"C:\Restored\bad.vmcx");
    }

    /// <summary>What a backup keeps: the configuration file of a checkpoint, put elsewhere.</summary>
    private async Task<(string Path, VirtualMachine Machine)> SaveConfigurationAsync(string name)
    {
        var vm = await lab.FindAsync(name);
        var checkpoint = await lab.Host.CreateRecoveryCheckpointAsync(vm.Id, false, GuestBackupType.Copy, default);
        var path = $@"{Folder}\saved\{checkpoint.ConfigurationPath[(checkpoint.ConfigurationPath.LastIndexOf('\\') + 1)..]}";
        using (var from = lab.Files.OpenRead(checkpoint.ConfigurationPath))
        using (var to = lab.Files.Create(path)) from.CopyTo(to);
        await lab.Host.DestroyCheckpointAsync(checkpoint.Id, default);
        await lab.MergedAsync(vm.Id);
        return (path, vm);
    }

    private Dictionary<string, string> MakeDisks(VirtualMachine original)
    {
        var paths = new Dictionary<string, string>();
        foreach (var disk in original.Disks)
        {
            var path = $@"{Folder}\disk{paths.Count}.vhdx";
            lab.Files.CreateDisk(path, 64 << 20, 512).Dispose();
            paths.Add(disk.SettingId, path);
        }
        return paths;
    }

    private void Clear(IEnumerable<string> paths)
    {
        foreach (var path in paths) lab.Files.Delete(path);
    }
}
