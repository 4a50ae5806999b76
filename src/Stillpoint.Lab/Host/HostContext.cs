namespace Stillpoint.Lab;

/// <summary>The parts that the host's operations work on.</summary>
internal sealed record HostContext(
    HostState State, HostPaths Paths, DiskFiles Files, RecordStore Records, LabClock Clock, JobBoard Jobs, FaultBoard Faults)
{
    /// <summary>Bytes of a granule of change tracking.</summary>
    public required long Granule { get; init; }

    /// <summary>The tracking of a disk.</summary>
    public ChangeTracking Tracking(DiskSlot slot) => ChangeTracking.Load(Files.Local(slot.Base) + ".rct", Granule);

    /// <summary>Forgets the tracking ids of a VM that neither a checkpoint nor a reference point names. Waits for guest writes and other work
    /// on its disks: the tracking files are read, changed and replaced as a whole.</summary>
    public async Task PruneTrackingAsync(Machine machine, CancellationToken cancel)
    {
        await machine.Storage.WaitAsync(cancel);
        try
        {
            var (slots, ids) = State.Read(_ => (machine.Settings.Disks,
                machine.Checkpoints.SelectMany(c => c.TrackingIds).OfType<string>()
                    .Concat(machine.ReferencePoints.SelectMany(r => r.Disks).Select(d => d.TrackingId)).ToHashSet(StringComparer.OrdinalIgnoreCase)));
            foreach (var slot in slots) Tracking(slot).Keep(ids);
        }
        finally
        {
            machine.Storage.Release();
        }
    }
}
