namespace Stillpoint.Lab;

/// <summary>Finds the things that references in method calls mean.</summary>
internal sealed class MachineLookup(HostContext host)
{
    /// <summary>The VM of a reference to a computer system, planned or not.</summary>
    /// <exception cref="CimException">There is none.</exception>
    public Machine Machine(CimPath path) =>
        Guid.TryParse(path["Name"], out var id) && host.State.Read(_ => host.State.Find(id)) is { } machine
            && machine.Path.ClassName.Equals(path.ClassName, StringComparison.OrdinalIgnoreCase)
            ? machine : throw NotFound();

    /// <summary>The checkpoint of a reference to settings, and its VM.</summary>
    /// <exception cref="CimException">There is none.</exception>
    public (Machine Machine, Checkpoint Checkpoint) Checkpoint(CimPath path)
    {
        if (!path.ClassName.Equals("Msvm_VirtualSystemSettingData", StringComparison.OrdinalIgnoreCase)
            || !LabText.TryParseInstanceId(path["InstanceID"], out var id, out _)) throw NotFound();
        return host.State.Read(all => all.SelectMany(m => m.Checkpoints.Select(c => (m, c))).Where(x => x.c.Id == id)
            .Select(x => ((Machine, Checkpoint)?)x).FirstOrDefault()) ?? throw NotFound();
    }

    /// <summary>The reference point of a reference, and its VM.</summary>
    /// <exception cref="CimException">There is none.</exception>
    public (Machine Machine, ReferencePoint Point) ReferencePoint(CimPath path)
    {
        if (!LabText.TryParseInstanceId(path["InstanceID"], out var id, out _)) throw NotFound();
        return host.State.Read(all => all.SelectMany(m => m.ReferencePoints.Select(r => (m, r))).Where(x => x.r.Id == id)
            .Select(x => ((Machine, ReferencePoint)?)x).FirstOrDefault()) ?? throw NotFound();
    }

    /// <summary>The VM that owns an instance id, with what follows the owner; null when no VM does.</summary>
    public (Machine Machine, string Slot)? Owner(string? instanceId) =>
        LabText.TryParseInstanceId(instanceId, out var id, out var rest) && host.State.Read(_ => host.State.Find(id)) is { } machine
            ? (machine, rest)
            : null;

    private static CimException NotFound() => new(CimException.NotFound, "Not found ");
}
