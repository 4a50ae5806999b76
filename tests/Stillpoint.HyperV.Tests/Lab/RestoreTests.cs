using System.Net;
using static Stillpoint.HyperV.Tests.Lab.LabRig;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>A VM comes back from the configuration file of a checkpoint and a restored disk.</summary>
public sealed class RestoreTests(LabRig rig) : IClassFixture<LabRig>
{
    private const string Management = "Msvm_VirtualSystemManagementService";

    [Fact]
    public async Task A_planned_vm_is_adjusted_validated_realized_started_and_destroyed()
    {
        var vm = Guid.Parse((string)(await rig.VmAsync())["id"]!).ToString().ToUpperInvariant();
        var checkpoint = await rig.CreatedAsync(await rig.FinishAsync(await rig.InvokeAsync("Msvm_VirtualSystemSnapshotService", "CreateSnapshot",
            ("AffectedSystem", Reference("Msvm_ComputerSystem", ("CreationClassName", "Msvm_ComputerSystem"), ("Name", vm))),
                ("SnapshotType", "32768"))));
        var settings = (await rig.QueryAsync($"SELECT * FROM Msvm_VirtualSystemSettingData WHERE InstanceID='{checkpoint}'")).Single();
        Assert.Equal("Microsoft:Hyper-V:Snapshot:Recovery", Value(settings, "VirtualSystemType"));
        var configuration = $@"{Value(settings, "ConfigurationDataRoot")}\{Value(settings, "ConfigurationFile")}";
        Directory.CreateDirectory(rig.Local(@"C:\Restore"));
        foreach (var sibling in Directory.EnumerateFiles(Path.GetDirectoryName(rig.Local(configuration))!))
        {
            File.Copy(sibling, rig.Local($@"C:\Restore\import{Path.GetExtension(sibling)}"));
        }
        File.Copy(rig.Local(@"C:\VMs\small\Virtual Hard Disks\small.vhdx"), rig.Local(@"C:\Restore\disk.vhdx"));
        await rig.FinishAsync(await rig.InvokeAsync("Msvm_VirtualSystemSnapshotService", "DestroySnapshot",
            ("AffectedSnapshot", Reference("Msvm_VirtualSystemSettingData", ("InstanceID", checkpoint)))));

        var planned = await rig.CreatedAsync(await rig.FinishAsync(await rig.InvokeAsync(Management, "ImportSystemDefinition",
            ("SystemDefinitionFile", @"C:\restore\IMPORT.vmcx"), ("SnapshotFolder", ""), ("GenerateNewSystemIdentifier", "true"))), "Name");
        Assert.NotEqual(vm, planned);
        var plannedSystem = Reference("Msvm_PlannedComputerSystem", ("CreationClassName", "Msvm_PlannedComputerSystem"), ("Name", planned));

        // The disk still points at the running VM's file: a host says so.
        var refused = await rig.FinishAsync(await rig.InvokeAsync(Management, "ValidatePlannedSystem", ("PlannedSystem", plannedSystem)));
        Assert.Equal("10", Value(refused, "JobState"));
        Assert.Contains("0x80070020", Value(refused, "ErrorDescription"), StringComparison.Ordinal);
        var error = (await rig.GoodAsync($"{Prefix}Msvm_ConcreteJob/GetErrorEx", "Msvm_ConcreteJob", Input("Msvm_ConcreteJob", "GetErrorEx"),
            Selectors(("InstanceID", Value(refused, "InstanceID"))))).Descendants().Single(e => e.Name.LocalName == "Errors");
        Assert.Contains("<INSTANCE CLASSNAME=\"Msvm_Error\">", error.Value, StringComparison.Ordinal);

        var disk = (await rig.QueryAsync($"ASSOCIATORS OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{planned}'}} "
            + "WHERE AssocClass = Msvm_VirtualSystemSettingDataComponent ResultClass = Msvm_StorageAllocationSettingData")).Single();
        await ModifyAsync("ModifyResourceSettings", "ResourceSettings", Text("Msvm_StorageAllocationSettingData", Value(disk, "InstanceID"),
            @"<PROPERTY.ARRAY NAME=""HostResource"" TYPE=""string"">"
            + @"<VALUE.ARRAY><VALUE>C:\Restore\disk.vhdx</VALUE></VALUE.ARRAY></PROPERTY.ARRAY>"));
        await ModifyAsync("ModifySystemSettings", "SystemSettings", Text("Msvm_VirtualSystemSettingData", $"Microsoft:{planned}",
            @"<PROPERTY NAME=""ElementName"" TYPE=""string""><VALUE>back</VALUE></PROPERTY>"
            + @"<PROPERTY NAME=""ConfigurationDataRoot"" TYPE=""string""><VALUE>C:\Restore</VALUE></PROPERTY>"));
        var whole = await rig.FinishAsync(await rig.InvokeAsync(Management, "ModifySystemSettings", ("SystemSettings", WebUtility.HtmlEncode(
            Text("Msvm_VirtualSystemSettingData", $"Microsoft:{planned}",
                @"<PROPERTY NAME=""VirtualSystemType"" TYPE=""string""><VALUE>x</VALUE></PROPERTY>")))));
        Assert.Equal("32773", Value(whole, "ErrorCode"));

        Assert.Equal("7", Value(await rig.FinishAsync(await rig.InvokeAsync(Management, "ValidatePlannedSystem", ("PlannedSystem", plannedSystem))),
            "JobState"));
        var realized = await rig.CreatedAsync(await rig.FinishAsync(
            await rig.InvokeAsync(Management, "RealizePlannedSystem", ("PlannedSystem", plannedSystem))), "Name");
        Assert.Empty(await rig.QueryAsync("SELECT * FROM Msvm_PlannedComputerSystem"));
        Assert.True(File.Exists(rig.Local($@"C:\Restore\Virtual Machines\{realized}.vmcx")));

        const string computer = "Msvm_ComputerSystem";
        var keys = Selectors(("CreationClassName", computer), ("Name", realized));
        var start = await rig.GoodAsync($"{Prefix}{computer}/RequestStateChange", computer,
            Input(computer, "RequestStateChange", ("RequestedState", "2")), keys);
        Assert.Equal("7", Value(await rig.FinishAsync(start.Element(S + "Body")!.Elements().Single()), "JobState"));
        Assert.Equal("running", (string)(await rig.VmAsync("back"))["state"]!);
        Assert.True(File.Exists(rig.Local(@"C:\Restore\disk.vhdx.lock")));
        await rig.ControlAsync("/lab/write", new { vm = "back", bytes = 100_000 });

        var system = Reference(computer, ("CreationClassName", computer), ("Name", realized));
        Assert.Equal("32775", Value(await rig.InvokeAsync(Management, "DestroySystem", ("AffectedSystem", system)), "ReturnValue"));
        await rig.ControlAsync("/lab/state", new { vm = "back", state = "off" });
        await rig.FinishAsync(await rig.InvokeAsync(Management, "DestroySystem", ("AffectedSystem", system)));
        Assert.DoesNotContain((await rig.ControlAsync("/lab/vms")).AsArray(), v => (string)v!["name"]! == "back");
        Assert.True(File.Exists(rig.Local(@"C:\Restore\disk.vhdx")));
        await rig.MergedAsync();
    }

    [Theory]
    [InlineData(@"C:\nowhere.vmcx", "0x80070002")]
    [InlineData(@"D:\other.vmcx", "0x8007007B")]
    [InlineData(@"C:\..\..\etc\passwd", "0x8007007B")]
    [InlineData(@"C:\VMs\small\Virtual Hard Disks\small.vhdx", "0x8007000D")]
    public async Task An_import_of_what_is_no_configuration_fails(string path, string code)
    {
        var job = await rig.FinishAsync(await rig.InvokeAsync(Management, "ImportSystemDefinition",
            ("SystemDefinitionFile", path), ("GenerateNewSystemIdentifier", "true")));
        Assert.Equal("10", Value(job, "JobState"));
        Assert.Contains(code, Value(job, "ErrorDescription"), StringComparison.Ordinal);
    }

    private async Task ModifyAsync(string method, string parameter, string text) =>
        Assert.Equal("7", Value(await rig.FinishAsync(await rig.InvokeAsync(Management, method, (parameter, WebUtility.HtmlEncode(text)))),
            "JobState"));

    private static string Text(string className, string id, string properties) =>
        $"<INSTANCE CLASSNAME=\"{className}\"><PROPERTY NAME=\"InstanceID\" TYPE=\"string\"><VALUE>{id}</VALUE></PROPERTY>{properties}</INSTANCE>";
}
