using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>Reads VMs, checkpoints, disks and reference points from the classes that hold them.</summary>
internal static class SettingsReader
{
    private const string Prefix = "Microsoft:";

    /// <summary>The slot of a disk: its instance id without <c>Microsoft:GUID\</c> of whatever owns it.</summary>
    public static string SettingId(string instanceId)
    {
        var cut = instanceId.IndexOf('\\', StringComparison.Ordinal);
        return cut > 0 && instanceId.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? instanceId[(cut + 1)..] : instanceId;
    }

    /// <summary>The id of what owns a setting, <c>Microsoft:GUID…</c>; null when it has another form.</summary>
    public static Guid? Owner(string instanceId) =>
        instanceId.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && instanceId.Length >= Prefix.Length + 36
        && (instanceId.Length == Prefix.Length + 36 || instanceId[Prefix.Length + 36] == '\\')
        && Guid.TryParseExact(instanceId.AsSpan(Prefix.Length, 36), "D", out var id) ? id : null;

    /// <summary>Null when the row is no virtual hard disk: a CD, a floppy.</summary>
    public static VirtualDiskSetting? Disk(CimInstance row)
    {
        if (row.Text("ResourceSubType") != HyperVNames.VirtualHardDisk) return null;
        var id = row.Required("InstanceID");
        var path = row.Text("HostResource") ?? "";
        var shared = row.Flag("PersistentReservationsSupported") == true || path.EndsWith(".vhds", StringComparison.OrdinalIgnoreCase);
        return new(SettingId(id), id, path) { IsShared = shared };
    }

    public static IReadOnlyList<VirtualDiskSetting> Disks(IEnumerable<CimInstance> rows) =>
        [.. rows.Select(Disk).OfType<VirtualDiskSetting>().OrderBy(d => d.SettingId, StringComparer.OrdinalIgnoreCase)];

    /// <summary>Instance ids of the rows that are physical disks.</summary>
    public static IReadOnlyList<string> PassThroughDisks(IEnumerable<CimInstance> rows) =>
        [.. rows.Where(r => r.Text("ResourceSubType") == HyperVNames.PhysicalDiskDrive).Select(r => r.Required("InstanceID"))];

    public static VirtualMachine VirtualMachine(Guid id, CimInstance system, CimInstance settings, IEnumerable<CimInstance> disks) => new(
        id,
        system.Text("ElementName") ?? "",
        State(system),
        settings.Text("VirtualSystemSubType") is { } subType && subType.EndsWith(":2", StringComparison.Ordinal) ? 2 : 1,
        settings.Text("Version") ?? "",
        ConfigurationPath(settings),
        [.. system.Numbers("OperationalStatus").Select(n => (int)Math.Min(n, int.MaxValue))],
        Disks(disks))
    {
        Replication = system.Number("ReplicationMode") switch
        {
            1 => ReplicationRole.Primary,
            2 => ReplicationRole.Replica,
            3 => ReplicationRole.TestReplica,
            4 => ReplicationRole.ExtendedReplica,
            _ => ReplicationRole.None,
        },
    };

    /// <summary>The connections of network adapters, in the order of their ids.</summary>
    public static IReadOnlyList<NetworkAdapter> Adapters(IEnumerable<CimInstance> rows) =>
    [
        .. rows.Select(Adapter).OrderBy(a => a.SettingId, StringComparer.OrdinalIgnoreCase),
    ];

    /// <summary>EnabledState; 32768 and 32769 are the numbers of older hosts for paused and saved.</summary>
    public static VirtualMachineState State(CimInstance system) => system.Number("EnabledState") switch
    {
        2 => VirtualMachineState.Running,
        3 => VirtualMachineState.Off,
        6 or 32769 => VirtualMachineState.Saved,
        9 or 32768 => VirtualMachineState.Paused,
        _ => VirtualMachineState.Other,
    };

    public static Checkpoint Checkpoint(CimInstance settings, IEnumerable<CimInstance> disks) => new(
        settings.Required("InstanceID"),
        settings.Text("ElementName") ?? "",
        settings.Text("VirtualSystemType") switch
        {
            "Microsoft:Hyper-V:Snapshot:Recovery" => CheckpointKind.Recovery,
            "Microsoft:Hyper-V:Snapshot:Realized" => CheckpointKind.User,
            _ => CheckpointKind.Other,
        },
        settings.Time("CreationTime") ?? DateTimeOffset.MinValue,
        ConfigurationPath(settings),
        Disks(disks));

    private static NetworkAdapter Adapter(CimInstance row)
    {
        var connected = row.Number("EnabledState") is null or 2 && row.Text("HostResource") is { Length: > 0 };
        return new(SettingId(row.Required("InstanceID")), row.Text("LastKnownSwitchName") is { Length: > 0 } name ? name : null, connected);
    }

    /// <summary>The two arrays run in parallel; where they do not, no tracking id can be told to belong to a disk, and none is given.</summary>
    public static ReferencePoint ReferencePoint(CimInstance row)
    {
        var disks = row.Texts("VirtualDiskIdentifiers");
        var ids = row.Texts("ResilientChangeTrackingIdentifiers");
        var paired = disks.Count == ids.Count;
        return new(row.Required("InstanceID"),
            [.. disks.Select((disk, i) => new ReferencePointDisk(SettingId(disk), paired && ids[i].Length > 0 ? ids[i] : null))]);
    }

    /// <summary>ConfigurationFile is relative to ConfigurationDataRoot; empty when the host tells neither.</summary>
    private static string ConfigurationPath(CimInstance settings)
    {
        var file = settings.Text("ConfigurationFile") ?? "";
        var root = settings.Text("ConfigurationDataRoot") ?? "";
        return file.Length == 0 || root.Length == 0 ? file : root.TrimEnd('\\') + '\\' + file.TrimStart('\\');
    }
}
