namespace Stillpoint.Lab;

/// <summary>Backup integration services of guests, merge settings of VMs, and the version of the host.</summary>
internal sealed class GuestServices(CimSchema schema, HostContext host, Version hostVersion) : CimSource(schema, host)
{
    private const ushort Ok = 2;
    private const ushort NoContact = 12;

    /// <inheritdoc/>
    public override void Register(CimRepository repository)
    {
        repository.Add("Msvm_VssComponent", () => ForMachines(m => m.IsPlanned || m.Started is null ? [] : [Component(m)]));
        repository.Add("Msvm_DiskMergeSettingData", () => ForMachines(m => m.IsPlanned ? [] : [MergeSetting(m)]));
        repository.Add("Win32_OperatingSystem", () =>
        [
            New("Win32_OperatingSystem").With(("Name", "Microsoft Windows Server"), ("Caption", "Microsoft Windows Server"),
                ("CSName", HostName), ("Version", hostVersion.ToString(3)), ("BuildNumber", hostVersion.Build.ToString())),
        ]);
    }

    private CimInstance Component(Machine machine)
    {
        var state = machine.Settings.Guest.Integration;
        return New("Msvm_VssComponent").With(
            ("SystemCreationClassName", "Msvm_ComputerSystem"),
            ("SystemName", LabText.Upper(machine.Id)),
            ("CreationClassName", "Msvm_VssComponent"),
            ("DeviceID", $@"{LabText.InstanceId(machine.Id)}\5CED1297-4598-4915-A5FC-AD21BB4D02A4"),
            ("Caption", "VSS"),
            ("Description", "Microsoft VSS Service"),
            ("ElementName", "VSS"),
            ("Name", "VSS"),
            ("EnabledDefault", (ushort)7),
            ("EnabledState", state == IntegrationState.Disabled ? (ushort)3 : (ushort)2),
            ("HealthState", (ushort)5),
            ("OperationalStatus", new[] { state == IntegrationState.NoContact ? NoContact : Ok }),
            ("StatusDescriptions", new[] { state == IntegrationState.NoContact ? "No Contact" : "OK" }),
            ("RequestedState", (ushort)12));
    }

    private CimInstance MergeSetting(Machine machine) => New("Msvm_DiskMergeSettingData").With(
        ("InstanceID", $@"{LabText.InstanceId(machine.Id)}\DiskMerge"),
        ("Caption", "Disk Merge Setting Data"),
        ("Description", "Microsoft Disk Merge Setting Data"),
        ("ElementName", "Disk Merge Setting Data"),
        ("EnabledState", machine.MergingDisabled ? 0U : 1U));
}
