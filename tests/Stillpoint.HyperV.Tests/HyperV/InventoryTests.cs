using static Stillpoint.HyperV.Tests.Messages;

namespace Stillpoint.HyperV.Tests;

public sealed class InventoryTests
{
    private const string Web = "A1B2C3D4-0000-4000-8000-000000000001";
    private const string Db = "A1B2C3D4-0000-4000-8000-000000000002";

    private static readonly string Systems = All(
        System("HV1", "HV1", "2"),
        System(Web, "web", "2", "2", "32772"),
        System(Db, "db", "3", "2"),
        System("A1B2C3D4-0000-4000-8000-00000000000F", "deleted meanwhile", "3", "2"),
        Instance("Msvm_PlannedComputerSystem", ("Name", "A1B2C3D4-0000-4000-8000-00000000000E")));

    [Fact]
    public async Task A_whole_host_is_told_in_five_questions_and_each_disk_goes_to_its_vm()
    {
        await using var opened = new Opened(request => request.Text("Filter") switch
        {
            "SELECT CreationClassName,ElementName,EnabledState,Name,OperationalStatus,ReplicationMode FROM Msvm_ComputerSystem" => Systems,
            "SELECT ConfigurationDataRoot,ConfigurationFile,CreationTime,ElementName,InstanceID,Version,VirtualSystemIdentifier,"
                + "VirtualSystemSubType,VirtualSystemType FROM Msvm_VirtualSystemSettingData" => All(Settings(Web, "2"), Settings(Db, "1")),
            "SELECT HostResource,InstanceID,PersistentReservationsSupported,ResourceSubType FROM Msvm_StorageAllocationSettingData "
                + "WHERE ResourceSubType = 'Microsoft:Hyper-V:Virtual Hard Disk'" => All(
                Disk(Db, "1", @"C:\VMs\db\b.vhdx"), Disk(Web, "0", @"C:\VMs\web\a.vhdx"), Disk(Db, "0", @"C:\VMs\db\a.vhdx"),
                Disk("A1B2C3D4-0000-4000-8000-0000000000AA", "0", @"C:\frozen.vhdx")),
            "SELECT InstanceID,ResourceSubType FROM Msvm_ResourceAllocationSettingData "
                + "WHERE ResourceSubType = 'Microsoft:Hyper-V:Physical Disk Drive'" => All(Drive(Db)),
            "SELECT EnabledState,HostResource,InstanceID,LastKnownSwitchName FROM Msvm_EthernetPortAllocationSettingData" => All(),
            _ => Fault("x", ""),
        });

        var machines = await opened.Host.ListVirtualMachinesAsync(default);

        Assert.Equal(["web", "db"], machines.Select(m => m.Name));
        Assert.Equal([VirtualMachineState.Running, VirtualMachineState.Off], machines.Select(m => m.State));
        Assert.Equal([2, 1], machines.Select(m => m.Generation));
        Assert.Equal([2, 32772], machines[0].OperationalStatus);
        Assert.Equal(@"C:\VMs\Virtual Machines\" + Web + ".vmcx", machines[0].ConfigurationPath);
        Assert.Equal([@"C:\VMs\db\a.vhdx", @"C:\VMs\db\b.vhdx"], machines[1].Disks.Select(d => d.Path));
        Assert.Equal([@"ctl\0\0\L", @"ctl\0\1\L"], machines[1].Disks.Select(d => d.SettingId));
        Assert.Equal([$@"Microsoft:{Db}\ctl\0\5\D"], machines[1].PassThroughDisks);
        Assert.Empty(machines[0].PassThroughDisks);
        Assert.Equal(5, opened.Server.Requests.Count);
    }

    [Fact]
    public async Task A_vm_that_is_not_there_is_null()
    {
        await using var opened = new Opened(_ => All());
        Assert.Null(await opened.Host.FindVirtualMachineAsync(new Guid(Web), default));
        Assert.Equal($"SELECT * FROM Msvm_ComputerSystem WHERE Name = '{Web}'", opened.Server.Requests[0].Text("Filter"));
    }

    [Theory]
    [InlineData("32772", @"C:\a.vhdx", 0, true)]
    [InlineData("32770", @"C:\a.vhdx", 0, true)]
    [InlineData(null, @"C:\a.vhdx", 0, false)]
    [InlineData(null, @"C:\a_1.AVHDX", 0, true)] // a leaf that no checkpoint accounts for
    [InlineData(null, @"C:\a_1.avhdx", 1, false)] // the leaf of somebody's checkpoint
    public async Task A_merge_is_seen_by_the_status_or_by_a_leaf_without_a_checkpoint(string? status, string path, int checkpoints, bool merging)
    {
        await using var opened = new Opened(request => request.Text("Filter") switch
        {
            var f when f.StartsWith("SELECT", StringComparison.Ordinal) => All(System(Web, "web", "2", status is null ? ["2"] : ["2", status])),
            var f when f.Contains("Msvm_SettingsDefineState", StringComparison.Ordinal) => All(Settings(Web, "2")),
            var f when f.Contains("Msvm_SnapshotOfVirtualSystem", StringComparison.Ordinal) =>
                All([.. Enumerable.Repeat(Settings(Db, "2"), checkpoints)]),
            _ => All(Disk(Web, "0", path)),
        });
        Assert.Equal(merging, await opened.Host.IsMergingAsync(new Guid(Web), default));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_host_of_2016_is_told_by_its_schema(bool newer)
    {
        var settings = newer ? Settings(Web, "2").Replace("<p:InstanceID>", "<p:AutomaticSnapshotsEnabled xsi:nil=\"true\"/><p:InstanceID>",
            StringComparison.Ordinal) : Settings(Web, "2");
        await using var opened = new Opened(_ => All(settings));
        Assert.Equal(newer, await opened.Host.HasGuestBackupTypeAsync(new Guid(Web), default));
    }

    [Fact]
    public async Task A_checkpoint_that_goes_while_it_is_listed_is_left_out()
    {
        await using var opened = new Opened(request => request.Text("Filter") switch
        {
            var f when f.Contains("Msvm_SnapshotOfVirtualSystem", StringComparison.Ordinal) => All(Settings(Web, "2"), Settings(Db, "2")),
            var f when f.Contains(Web, StringComparison.Ordinal) => Fault("a:DestinationUnreachable", WmiError(0x80041002, "Not found")),
            _ => All(Disk(Db, "0", @"C:\frozen.vhdx")),
        });
        Assert.Equal("Microsoft:" + Db, Assert.Single(await opened.Host.ListCheckpointsAsync(new Guid(Web), default)).Id);
    }

    [Fact]
    public async Task A_cd_is_no_disk_and_a_physical_disk_is_told_apart()
    {
        var cd = Disk(Web, "1", @"C:\setup.iso").Replace("Virtual Hard Disk", "Virtual CD/DVD Disk", StringComparison.Ordinal);
        await using var opened = new Opened(request => request.Text("Filter") switch
        {
            var f when f.StartsWith("SELECT", StringComparison.Ordinal) => All(System(Web, "web", "6", "2")),
            var f when f.Contains("Msvm_SettingsDefineState", StringComparison.Ordinal) => All(Settings(Web, "2")),
            var f when f.Contains("Msvm_ResourceAllocationSettingData", StringComparison.Ordinal) => All(Drive(Web)),
            _ => All(Disk(Web, "0", @"C:\a.vhdx"), cd),
        });
        var machine = await opened.Host.FindVirtualMachineAsync(new Guid(Web), default);
        Assert.Equal(@"C:\a.vhdx", Assert.Single(machine!.Disks).Path);
        Assert.Equal(VirtualMachineState.Saved, machine.State);
        Assert.Single(machine.PassThroughDisks);
    }

    [Fact]
    public async Task A_planned_vm_whose_slots_are_not_those_of_the_image_is_left_as_it_is()
    {
        await using var opened = new Opened(request => request.Text("Filter").Contains("Msvm_SettingsDefineState", StringComparison.Ordinal)
            ? All(Settings(Web, "2")) : All(Disk(Web, "0", @"C:\a.vhdx")));
        var changes = new PlannedChanges("new", @"C:\Restored", new Dictionary<string, string> { [@"ctl\0\1\L"] = @"C:\b.vhdx" });
        var adjusting = opened.Host.AdjustPlannedAsync(new Guid(Web), changes, default);
        var trouble = (await Assert.ThrowsAsync<Model.TroubleException>(() => adjusting)).Trouble;
        Assert.Contains(@"no file for slot ctl\0\0\L", trouble.Message, StringComparison.Ordinal);
        Assert.Contains(@"no slot ctl\0\1\L for a file", trouble.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(opened.Server.Requests, r => r.Verb.StartsWith("Modify", StringComparison.Ordinal));
    }

    private static string System(string name, string elementName, string state, params string[] status) => Instance("Msvm_ComputerSystem",
        ("CreationClassName", "Msvm_ComputerSystem"), ("ElementName", elementName), ("EnabledState", state), ("Name", name),
        ("OperationalStatus", status));

    private static string Settings(string id, string generation) => Instance("Msvm_VirtualSystemSettingData",
        ("ConfigurationDataRoot", @"C:\VMs"), ("ConfigurationFile", @"Virtual Machines\" + id + ".vmcx"), ("InstanceID", "Microsoft:" + id),
        ("Version", "9.0"), ("VirtualSystemSubType", "Microsoft:Hyper-V:SubType:" + generation));

    private static string Drive(string id) => Instance("Msvm_ResourceAllocationSettingData",
        ("InstanceID", $@"Microsoft:{id}\ctl\0\5\D"), ("ResourceSubType", "Microsoft:Hyper-V:Physical Disk Drive"), ("ResourceType", "17"));

    private static string Disk(string id, string slot, string path) => Instance("Msvm_StorageAllocationSettingData",
        ("HostResource", path), ("InstanceID", $@"Microsoft:{id}\ctl\0\{slot}\L"),
        ("ResourceSubType", "Microsoft:Hyper-V:Virtual Hard Disk"), ("ResourceType", "31"));
}
