using Stillpoint.Extents;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Lab;

/// <summary>Methods of Msvm_ImageManagementService (A.7 of the notes).</summary>
internal sealed class ImageMethods(HostContext host)
{
    private const string Service = "Msvm_ImageManagementService";

    /// <summary>Ranges that one answer of GetVirtualDiskChanges holds at most.</summary>
    public const int MostRanges = 4096;

    /// <summary>All of them.</summary>
    public IEnumerable<CimMethod> All() =>
    [
        CimMethod.Of(Service, "GetVirtualDiskChanges", "string Path, string LimitId, string TargetSnapshotId, uint64 ByteOffset, uint64 ByteLength",
            Changes),
        CimMethod.Of(Service, "GetVirtualHardDiskSettingData", "string Path", SettingData),
        CimMethod.Of(Service, "GetVirtualHardDiskState", "string Path", State),
        CimMethod.Of(Service, "ValidateVirtualHardDisk", "string Path", Validate),
    ];

    private MethodResult Changes(MethodCall call)
    {
        if (call.Text("Path") is not { } path || call.Text("LimitId") is not { } limit) return new MethodResult(MethodResult.InvalidParameter);
        return Answer("Getting Virtual Disk Changes", path, disk =>
        {
            if (call.Number("ByteOffset") > (ulong)disk.Length) return new MethodResult(MethodResult.InvalidParameter);
            var offset = (long)call.Number("ByteOffset");
            var length = (long)Math.Min(call.Number("ByteLength", (ulong)disk.Length), (ulong)(disk.Length - offset));
            var changed = Find(path, limit, disk).Intersect(ExtentSet.Of(new Extent(offset, length)));
            var some = changed.Take(MostRanges).ToArray();
            var processed = changed.Count > MostRanges ? some[^1].End - offset : length;
            return new MethodResult(MethodResult.Done,
                ("ChangedByteLengths", some.Select(r => (ulong)r.Length).ToArray()),
                ("ChangedByteOffsets", some.Select(r => (ulong)r.Offset).ToArray()),
                ("ProcessedByteLength", (ulong)processed));
        });
    }

    private ExtentSet Find(string path, string limit, VirtualDisk disk)
    {
        var (slot, until, name) = host.State.Read(all => all.Where(m => !m.IsPlanned).SelectMany(m => m.Checkpoints.SelectMany(c => c.Settings.Disks
                .Select((d, i) => (Slot: d, Until: c.TrackingIds[i], m.Settings.Name)))
                .Concat(m.Settings.Disks.Select(d => (Slot: d, Until: (string?)null, m.Settings.Name))))
            .FirstOrDefault(d => d.Slot.Path.Equals(path, StringComparison.OrdinalIgnoreCase)));
        if (slot is null) throw Failed(path, "The change tracking information is missing.", 0xC03A0030);
        var tracking = host.Tracking(slot);
        if (tracking.ErrorOf(limit) is not 0 and var error) throw Failed(path, "The change tracking information cannot be used.", error);
        var changed = tracking.Query(limit, until) ?? throw Failed(path, "The change tracking identifier is not valid.", 0xC03A0029);
        if (changed.Count > 0 && host.Faults.Fires("changes-missing-range", name)) changed = ExtentSet.Of(changed.Take(changed.Count - 1));
        return changed.Intersect(ExtentSet.Whole(disk.Length));
    }

    private MethodResult SettingData(MethodCall call)
    {
        if (call.Text("Path") is not { } path) return new MethodResult(MethodResult.InvalidParameter);
        return Answer("Getting Virtual Hard Disk Settings", path, disk => new MethodResult(MethodResult.Done, ("SettingData", CimText.Write(
            "Msvm_VirtualHardDiskSettingData",
            ("BlockSize", "uint32", (uint)Math.Min(disk.BlockSize, uint.MaxValue)),
            ("Caption", "string", "Virtual Hard Disk Setting Data"),
            ("DataAlignment", "uint64", null),
            ("Description", "string", "Setting Data for a Virtual Hard Disk"),
            ("ElementName", "string", HostPaths.Name(path)),
            ("Format", "uint16", (ushort)(disk.Format == DiskFormat.Vhdx ? 3 : 2)),
            ("InstanceID", "string", null),
            ("IsPmemCompatible", "boolean", false),
            ("LogicalSectorSize", "uint32", (uint)disk.LogicalSectorSize),
            ("MaxInternalSize", "uint64", (ulong)disk.Length),
            ("ParentIdentifier", "string", disk.Parent?.WriteId is { } id ? $"{{{LabText.Upper(id)}}}" : null),
            ("ParentPath", "string", disk.Parent is { } parent ? host.Paths.ToHost(parent.Path) : null),
            ("ParentTimestamp", "datetime", null),
            ("Path", "string", path),
            ("PhysicalSectorSize", "uint32", (uint)disk.PhysicalSectorSize),
            ("PmemAddressAbstractionType", "uint16", (ushort)65535),
            ("Type", "uint16", (ushort)(disk.Kind switch { DiskKind.Fixed => 2, DiskKind.Dynamic => 3, _ => 4 })),
            ("VirtualDiskId", "string", disk.VirtualDiskId is { } own ? LabText.Upper(own) : null)))));
    }

    private MethodResult State(MethodCall call)
    {
        if (call.Text("Path") is not { } path) return new MethodResult(MethodResult.InvalidParameter);
        return Answer("Getting Virtual Hard Disk State", path, disk => new MethodResult(MethodResult.Done, ("State", CimText.Write(
            "Msvm_VirtualHardDiskState",
            ("Alignment", "uint32", 1U),
            ("FileSize", "uint64", (ulong)new FileInfo(host.Files.Local(path)).Length),
            ("FragmentationPercentage", "uint32", 0U),
            ("InUse", "boolean", host.Files.IsLocked(path)),
            ("MinInternalSize", "uint64", (ulong)disk.Length),
            ("PhysicalSectorSize", "uint32", (uint)disk.PhysicalSectorSize)))));
    }

    private MethodResult Validate(MethodCall call)
    {
        if (call.Text("Path") is not { } path) return new MethodResult(MethodResult.InvalidParameter);
        return Answer("Validating Virtual Hard Disk", path, _ => new MethodResult(MethodResult.Done));
    }

    /// <summary>Answers at once from the open disk; what goes wrong comes as a storage job that has failed already.</summary>
    private MethodResult Answer(string caption, string path, Func<VirtualDisk, MethodResult> answer)
    {
        try
        {
            if (!host.Files.Exists(path)) return new MethodResult(MethodResult.FileNotFound);
            if (host.Files.IsLocked(path))
            {
                throw Failed(path, "The process cannot access the file because it is being used by another process.", 0x80070020);
            }
            using var disk = host.Files.OpenRead(path);
            return answer(disk);
        }
        catch (JobFailedException error)
        {
            return MethodResult.Job(host.Jobs.Fail(JobType.CreateVirtualHardDisk, isStorage: true, caption, error).Path);
        }
        catch (Exception broken) when (broken is DiskFormatException or IOException)
        {
            var error = Failed(path, $"The file or directory is corrupted and unreadable. {broken.Message}", 0xC03A0004);
            return MethodResult.Job(host.Jobs.Fail(JobType.CreateVirtualHardDisk, isStorage: true, caption, error).Path);
        }
    }

    private static JobFailedException Failed(string path, string text, uint code) =>
        new($"The system failed to use '{path}'. Error: {text} (0x{code:X8})");
}
