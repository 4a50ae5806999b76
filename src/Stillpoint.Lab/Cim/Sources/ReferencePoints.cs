namespace Stillpoint.Lab;

/// <summary>Reference points.</summary>
internal sealed class ReferencePoints(CimSchema schema, HostContext host) : CimSource(schema, host)
{
    private const ushort ByChangeTracking = 2;

    /// <inheritdoc/>
    public override void Register(CimRepository repository) =>
        repository.Add("Msvm_VirtualSystemReferencePoint", () => ForMachines(m => m.ReferencePoints.Select(r => Point(m, r))));

    /// <summary>Path of a reference point.</summary>
    public static CimPath PathOf(ReferencePoint point) => new("Msvm_VirtualSystemReferencePoint", ("InstanceID", LabText.InstanceId(point.Id)));

    private CimInstance Point(Machine machine, ReferencePoint point) => New("Msvm_VirtualSystemReferencePoint").With(
        ("InstanceID", LabText.InstanceId(point.Id)),
        ("Caption", "Reference Point"),
        ("Description", "Reference point of a virtual machine."),
        ("ElementName", "Reference Point"),
        ("ConsistencyLevel", (ushort)point.Consistency),
        ("HasAssociatedData", false),
        ("ReferencePointType", ByChangeTracking),
        ("VirtualSystemIdentifier", LabText.Upper(machine.Id)),
        ("VirtualDiskIdentifiers", point.Disks.Select(d => $@"{LabText.InstanceId(machine.Id)}\{d.SlotKey}\L").ToArray()),
        ("ResilientChangeTrackingIdentifiers", point.Disks.Select(d => d.TrackingId).ToArray()));
}
