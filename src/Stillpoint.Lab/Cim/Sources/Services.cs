namespace Stillpoint.Lab;

/// <summary>The singletons: services, their settings, the one virtual switch.</summary>
internal sealed class Services(CimSchema schema, HostContext host) : CimSource(schema, host)
{
    private const string SwitchId = "C08CB7B8-9B3C-408E-8E30-5E16A3AEB444";

    /// <summary>Object path of the one virtual switch.</summary>
    public static string SwitchPath { get; } = new CimPath("Msvm_VirtualEthernetSwitch",
        ("CreationClassName", "Msvm_VirtualEthernetSwitch"), ("Name", SwitchId)).ToObjectPath(HostName);

    /// <inheritdoc/>
    public override void Register(CimRepository repository)
    {
        repository.Add("Msvm_VirtualSystemSnapshotService", () =>
            [Service("Msvm_VirtualSystemSnapshotService", "vssnapsvc", "Hyper-V Virtual System Snapshot Service")]);
        repository.Add("Msvm_VirtualSystemReferencePointService",
            () => [Service("Msvm_VirtualSystemReferencePointService", "vsrefsvc", "Hyper-V Virtual System Reference Point Service")]);
        repository.Add("Msvm_VirtualSystemManagementService",
            () => [Service("Msvm_VirtualSystemManagementService", "vmms", "Hyper-V Virtual System Management Service")]);
        repository.Add("Msvm_ImageManagementService", () => [Service("Msvm_ImageManagementService", "vhdsvc", "Hyper-V Image Management Service")]);
        repository.Add("Msvm_VirtualSystemManagementServiceSettingData", () => [ServiceSettings()]);
        repository.Add("Msvm_VirtualEthernetSwitch", () => [Switch()]);
    }

    private CimInstance Service(string className, string name, string caption) => New(className).With(
        ("Caption", caption),
        ("CreationClassName", className),
        ("Description", caption),
        ("ElementName", caption),
        ("EnabledDefault", (ushort)2),
        ("EnabledState", (ushort)5),
        ("HealthState", (ushort)5),
        ("InstallDate", NeverSet),
        ("Name", name),
        ("OperationalStatus", new ushort[] { 2 }),
        ("RequestedState", (ushort)12),
        ("Started", true),
        ("StartMode", "Automatic"),
        ("Status", "OK"),
        ("StatusDescriptions", new[] { "OK" }),
        ("SystemCreationClassName", "Msvm_ComputerSystem"),
        ("SystemName", HostName),
        ("TimeOfLastStateChange", NeverSet));

    private CimInstance ServiceSettings() => New("Msvm_VirtualSystemManagementServiceSettingData").With(
        ("InstanceID", $"Microsoft:{HostName}"),
        ("Caption", "Hyper-V Virtual System Management Service"),
        ("Description", "Settings for the Virtual System Management Service."),
        ("ElementName", "Hyper-V Virtual System Management Service"),
        ("DefaultExternalDataRoot", @"C:\ProgramData\Microsoft\Windows\Hyper-V"),
        ("DefaultVirtualHardDiskPath", @"C:\Users\Public\Documents\Hyper-V\Virtual Hard Disks"),
        ("MinimumMacAddress", "00155D000000"),
        ("MaximumMacAddress", "00155D0000FF"),
        ("EnhancedSessionModeEnabled", true),
        ("NumaSpanningEnabled", true));

    private CimInstance Switch() => New("Msvm_VirtualEthernetSwitch").With(
        ("Caption", "Virtual Switch"),
        ("CreationClassName", "Msvm_VirtualEthernetSwitch"),
        ("Description", "Microsoft Virtual Switch"),
        ("ElementName", "Default Switch"),
        ("EnabledDefault", (ushort)2),
        ("EnabledState", (ushort)5),
        ("HealthState", (ushort)5),
        ("Name", SwitchId),
        ("OperationalStatus", new ushort[] { 2 }),
        ("RequestedState", (ushort)12),
        ("Status", "OK"),
        ("StatusDescriptions", new[] { "OK" }));
}
