namespace Stillpoint.HyperV;

/// <summary>Classes of <c>root\virtualization\v2</c> that are used, their resource URIs and how their instances are named.</summary>
internal static class HyperVNames
{
    public const string ComputerSystem = "Msvm_ComputerSystem";
    public const string PlannedComputerSystem = "Msvm_PlannedComputerSystem";
    public const string Settings = "Msvm_VirtualSystemSettingData";
    public const string DiskSetting = "Msvm_StorageAllocationSettingData";
    public const string ResourceSetting = "Msvm_ResourceAllocationSettingData";
    public const string EthernetSetting = "Msvm_EthernetPortAllocationSettingData";
    public const string ReferencePoint = "Msvm_VirtualSystemReferencePoint";
    public const string SnapshotSettings = "Msvm_VirtualSystemSnapshotSettingData";
    public const string EthernetSwitch = "Msvm_VirtualEthernetSwitch";
    public const string VssComponent = "Msvm_VssComponent";
    public const string DiskMergeSetting = "Msvm_DiskMergeSettingData";
    public const string AffectedJobElement = "Msvm_AffectedJobElement";

    public const string ManagementService = "Msvm_VirtualSystemManagementService";
    public const string SnapshotService = "Msvm_VirtualSystemSnapshotService";
    public const string ReferencePointService = "Msvm_VirtualSystemReferencePointService";
    public const string ImageService = "Msvm_ImageManagementService";

    public const string SnapshotTypes = "Microsoft:Hyper-V:Snapshot:";
    public const string PhysicalDiskDrive = "Microsoft:Hyper-V:Physical Disk Drive";
    public const string VirtualHardDisk = "Microsoft:Hyper-V:Virtual Hard Disk";

    private const string Namespace = WsNames.WmiRoot + "root/virtualization/v2/";

    /// <summary>Where queries go.</summary>
    public const string AnyClass = Namespace + "*";

    /// <summary>Where queries about the host itself go.</summary>
    public const string AnyCimv2Class = WsNames.WmiRoot + "root/cimv2/*";

    public static string Uri(string className) => Namespace + className;

    /// <summary>A service; it is the only instance of its class, and hosts take the class name alone as its key.</summary>
    public static EndpointReference Service(string className) => new(Uri(className), [KeyValuePair.Create("CreationClassName", className)]);

    public static EndpointReference System(string className, Guid id) =>
        new(Uri(className), [KeyValuePair.Create("CreationClassName", className), KeyValuePair.Create("Name", Text(id))]);

    public static EndpointReference Instance(string className, string instanceId) =>
        new(Uri(className), [KeyValuePair.Create("InstanceID", instanceId)]);

    /// <summary>A VM's id as hosts write it.</summary>
    public static string Text(Guid id) => id.ToString("D").ToUpperInvariant();
}
