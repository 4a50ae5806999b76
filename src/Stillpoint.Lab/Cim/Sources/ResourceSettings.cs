namespace Stillpoint.Lab;

/// <summary>Controllers, drives, disks and network adapters of VMs and of checkpoints.</summary>
internal sealed class ResourceSettings(CimSchema schema, HostContext host) : CimSource(schema, host)
{
    /// <summary>Instance GUID of the emulated IDE controller, the same in every VM.</summary>
    public static readonly Guid IdeController = new("83F8638B-8DCA-4152-9EDA-2CA8B33039B4");

    /// <inheritdoc/>
    public override void Register(CimRepository repository)
    {
        repository.Add("Msvm_StorageAllocationSettingData", () => ForOwners((owner, s) =>
            s.Disks.Select(d => Disk(owner, d.Key, d.Path)).Concat(s.Outside.Where(d => d.Path is not null).Select(d => Shared(owner, d)))));
        repository.Add("Msvm_ResourceAllocationSettingData", () =>
            ForOwners((owner, s) => Controllers(owner, s).Concat(s.Disks.Select(d => Drive(owner, d)))
                .Concat(s.Outside.Select(d => d.Path is null ? Physical(owner, d) : Drive(owner, d.Key, d.Location, Bus(owner, d.Controller, d.Number))))));
        repository.Add("Msvm_SyntheticEthernetPortSettingData", () => ForOwners((owner, s) => s.Adapters.Select(a => Port(owner, a))));
        repository.Add("Msvm_EthernetPortAllocationSettingData", () => ForOwners((owner, s) => s.Adapters.Select(a => Connection(owner, a))));
    }

    private IReadOnlyList<CimInstance> ForOwners(Func<Guid, MachineSettings, IEnumerable<CimInstance>> make) =>
        ForMachines(m => m.Checkpoints.SelectMany(c => make(c.Id, c.Settings)).Concat(make(m.Id, m.Settings)));

    private CimInstance Shared(Guid owner, OutsideDisk disk) => Disk(owner, disk.Key, disk.Path!).With(("PersistentReservationsSupported", true));

    private CimInstance Physical(Guid owner, OutsideDisk disk) =>
        Drive(owner, disk.Key, disk.Location, Bus(owner, disk.Controller, disk.Number)).With(
            ("ResourceSubType", "Microsoft:Hyper-V:Physical Disk Drive"),
            ("Caption", "Physical Disk Drive"),
            ("ElementName", "Physical Disk Drive"),
            ("HostResource", new[] { new CimPath("Msvm_DiskDrive", ("DeviceID", $"Microsoft:{LabText.Upper(disk.Controller)}\\{disk.Location}"))
                .ToObjectPath(HostName) }));

    private CimInstance Disk(Guid owner, string key, string path) =>
        Resource("Msvm_StorageAllocationSettingData", 31, "Microsoft:Hyper-V:Virtual Hard Disk").With(
        ("InstanceID", $@"{LabText.InstanceId(owner)}\{key}\L"),
        ("Caption", "Hard Disk Image"),
        ("Description", "Settings for the Microsoft Hard Disk Image."),
        ("ElementName", "Hard Disk Image"),
        ("HostResource", new[] { path }),
        ("Parent", Reference("Msvm_ResourceAllocationSettingData", $@"{LabText.InstanceId(owner)}\{key}\D")),
        ("Access", (ushort)0),
        ("CachingMode", (ushort)0),
        ("IgnoreFlushes", false),
        ("IOPSAllocationUnits", "count / 8192 bytes"),
        ("IOPSLimit", 0UL),
        ("IOPSReservation", 0UL),
        ("PersistentReservationsSupported", false),
        ("SnapshotId", ""),
        ("WriteHardeningMethod", (ushort)0));

    private CimInstance Drive(Guid owner, DiskSlot slot) => Drive(owner, slot.Key, slot.Location, Bus(owner, slot.Controller, slot.Number));

    private static string Bus(Guid owner, Guid controller, int number) =>
        Reference("Msvm_ResourceAllocationSettingData", $@"{LabText.InstanceId(owner)}\{LabText.Upper(controller)}\{number}");

    private CimInstance Drive(Guid owner, string key, int location, string bus) =>
        Resource("Msvm_ResourceAllocationSettingData", 17, "Microsoft:Hyper-V:Synthetic Disk Drive").With(
        ("InstanceID", $@"{LabText.InstanceId(owner)}\{key}\D"),
        ("Caption", "Hard Drive"),
        ("Description", "Settings for the Microsoft Hard Drive."),
        ("ElementName", "Hard Drive"),
        ("AddressOnParent", location.ToString()),
        ("Parent", bus));

    private IEnumerable<CimInstance> Controllers(Guid owner, MachineSettings settings)
    {
        if (settings.Generation == 1)
        {
            yield return Controller(owner, IdeController, 0, 5, "Microsoft:Hyper-V:Emulated IDE Controller", "IDE Controller 0");
            yield return Controller(owner, IdeController, 1, 5, "Microsoft:Hyper-V:Emulated IDE Controller", "IDE Controller 1");
        }
        yield return Controller(owner, settings.ScsiController, 0, 6, "Microsoft:Hyper-V:Synthetic SCSI Controller", "SCSI Controller");
    }

    private CimInstance Controller(Guid owner, Guid id, int number, ushort type, string subType, string name) =>
        Resource("Msvm_ResourceAllocationSettingData", type, subType).With(
            ("InstanceID", $@"{LabText.InstanceId(owner)}\{LabText.Upper(id)}\{number}"),
            ("Caption", name),
            ("Description", $"Settings for the Microsoft {name}."),
            ("ElementName", name),
            ("Address", number.ToString()),
            ("VirtualSystemIdentifiers", new[] { $"{{{LabText.Upper(id)}}}" }));

    private CimInstance Port(Guid owner, Adapter adapter) =>
        Resource("Msvm_SyntheticEthernetPortSettingData", 10, "Microsoft:Hyper-V:Synthetic Ethernet Port").With(
        ("InstanceID", $@"{LabText.InstanceId(owner)}\{LabText.Upper(adapter.Id)}"),
        ("Caption", "Ethernet Port"),
        ("Description", "Settings for the Microsoft Synthetic Ethernet Port."),
        ("ElementName", "Network Adapter"),
        ("Address", "00155D000001"),
        ("ClusterMonitored", true),
        ("StaticMacAddress", false),
        ("VirtualSystemIdentifiers", new[] { $"{{{LabText.Upper(adapter.Id)}}}" }));

    private CimInstance Connection(Guid owner, Adapter adapter) =>
        Resource("Msvm_EthernetPortAllocationSettingData", 33, "Microsoft:Hyper-V:Ethernet Connection").With(
        ("InstanceID", $@"{LabText.InstanceId(owner)}\{LabText.Upper(adapter.Id)}\C"),
        ("Caption", "Ethernet Switch Port Settings"),
        ("Description", "Ethernet Switch Port Settings."),
        ("ElementName", "Dynamic Ethernet Switch Port"),
        ("EnabledState", adapter.Enabled ? (ushort)2 : (ushort)3),
        ("HostResource", adapter.Switch is { } connected ? new[] { connected } : null),
        ("LastKnownSwitchName", adapter.SwitchName),
        ("Parent", Reference("Msvm_SyntheticEthernetPortSettingData", $@"{LabText.InstanceId(owner)}\{LabText.Upper(adapter.Id)}")));

    private CimInstance Resource(string className, ushort type, string subType) => New(className).With(
        ("ResourceType", type),
        ("ResourceSubType", subType),
        ("PoolID", ""),
        ("Address", ""),
        ("AllocationUnits", "count"),
        ("VirtualQuantityUnits", "count"),
        ("AutomaticAllocation", true),
        ("AutomaticDeallocation", true),
        ("ConsumerVisibility", (ushort)3),
        ("Limit", 1UL),
        ("Reservation", 1UL),
        ("VirtualQuantity", 1UL),
        ("Weight", 0U));
}
