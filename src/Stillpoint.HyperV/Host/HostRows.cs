namespace Stillpoint.HyperV;

/// <summary>What is asked of a whole host. A property that a reader of these rows wants must stand here.</summary>
internal static class HostRows
{
    /// <summary>All computer systems, the host's own among them.</summary>
    public static readonly Projection Names = new(HyperVNames.ComputerSystem, "CreationClassName", "Name");

    /// <summary>All computer systems with what VMs do.</summary>
    public static readonly Projection Systems = new(
        HyperVNames.ComputerSystem, "CreationClassName", "ElementName", "EnabledState", "Name", "OperationalStatus", "ReplicationMode");

    /// <summary>The settings of VMs and of their checkpoints.</summary>
    public static readonly Projection Settings = new(
        HyperVNames.Settings, "ConfigurationDataRoot", "ConfigurationFile", "CreationTime", "ElementName", "InstanceID", "Version",
        "VirtualSystemIdentifier", "VirtualSystemSubType", "VirtualSystemType");

    /// <summary>The virtual hard disks of VMs and of their checkpoints.</summary>
    public static readonly Projection Disks = new(
        HyperVNames.DiskSetting, "HostResource", "InstanceID", "PersistentReservationsSupported", "ResourceSubType")
    {
        Where = ("ResourceSubType", HyperVNames.VirtualHardDisk),
    };

    /// <summary>The physical disks that VMs have whole.</summary>
    public static readonly Projection Drives = new(HyperVNames.ResourceSetting, "InstanceID", "ResourceSubType")
    {
        Where = ("ResourceSubType", HyperVNames.PhysicalDiskDrive),
    };

    /// <summary>The connections of network adapters.</summary>
    public static readonly Projection Adapters = new(
        HyperVNames.EthernetSetting, "EnabledState", "HostResource", "InstanceID", "LastKnownSwitchName");
}
