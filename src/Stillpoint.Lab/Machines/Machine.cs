using System.Text.Json.Serialization;

namespace Stillpoint.Lab;

/// <summary>EnabledState of a VM.</summary>
internal enum PowerState
{
    Running = 2,
    Off = 3,
    Saved = 6,
    Paused = 9,

    /// <summary>On its way up: a host takes no checkpoint of it.</summary>
    Starting = 10,
}

/// <summary>Kind of a checkpoint.</summary>
internal enum CheckpointKind
{
    User,
    Recovery,
}

/// <summary>What the host is doing with a VM: the second number of OperationalStatus.</summary>
internal enum Activity
{
    None = 0,
    CreatingSnapshot = 32768,
    ApplyingSnapshot = 32769,
    DeletingSnapshot = 32770,
    Other = 32784,
}

/// <summary>A checkpoint.</summary>
/// <param name="Id">Its GUID.</param>
/// <param name="Kind">Taken by a person or for a backup.</param>
/// <param name="Created">When.</param>
/// <param name="Consistency">1 application, 2 crash.</param>
/// <param name="Parent">The user checkpoint it stands on; null for none.</param>
/// <param name="Settings">The VM's settings then, with the frozen files, and the checkpoint's name.</param>
/// <param name="TrackingIds">Per disk, the change tracking id that was sealed; null for none.</param>
internal sealed record Checkpoint(
    Guid Id, CheckpointKind Kind, DateTimeOffset Created, int Consistency, Guid? Parent, MachineSettings Settings,
        IReadOnlyList<string?> TrackingIds);

/// <summary>A reference point.</summary>
/// <param name="Id">Its GUID.</param>
/// <param name="Consistency">1 application, 2 crash.</param>
/// <param name="Disks">Per disk, the key of its slot and its change tracking id.</param>
internal sealed record ReferencePoint(Guid Id, int Consistency, IReadOnlyList<ReferencePointDisk> Disks);

/// <summary>One disk of a reference point.</summary>
internal sealed record ReferencePointDisk(string SlotKey, string TrackingId);

/// <summary>A burst of guest writes: replayed whole after a crash in the middle of it.</summary>
internal sealed record WriteBurst(int Seed, long Bytes);

/// <summary>A VM, realized or planned. Everything is read and changed under the gate of <see cref="HostState"/>.</summary>
internal sealed class Machine
{
    public required Guid Id { get; init; }
    public bool IsPlanned { get; set; }
    public required MachineSettings Settings { get; set; }
    public PowerState Power { get; set; } = PowerState.Off;
    public DateTimeOffset Created { get; set; }
    public DateTimeOffset ConfigurationChanged { get; set; }
    public DateTimeOffset StateChanged { get; set; }

    /// <summary>When it was last started; null when it does not run.</summary>
    public DateTimeOffset? Started { get; set; }
    public Guid? LastApplied { get; set; }
    public List<Checkpoint> Checkpoints { get; init; } = [];
    public List<ReferencePoint> ReferencePoints { get; init; } = [];

    /// <summary>Its part in replication.</summary>
    public ReplicationPart Replication { get; set; }

    /// <summary>Bursts of writes so far: the next one's seed counts from here.</summary>
    public int Bursts { get; set; }

    /// <summary>A burst that has begun and was not finished.</summary>
    public WriteBurst? Unfinished { get; set; }

    /// <summary>Files of a chain that nothing needs any more and that still have to be merged or deleted; true from release to merge.</summary>
    public bool MergePending { get; set; }

    /// <summary>How often a merge was asked for in this process: one that ends takes the mark away only if nobody asked again while it ran.</summary>
    [JsonIgnore]
    public int MergesAsked { get; private set; }

    /// <summary>Per disk, the data-write id of the file it writes to, as the host left it when it was turned off.</summary>
    public Dictionary<Guid, Guid> WriteIds { get; init; } = [];

    /// <summary>True after an export without its storage: nothing merges until somebody says so.</summary>
    public bool MergingDisabled { get; set; }

    /// <summary>What is going on; a second operation is refused with 32775.</summary>
    [JsonIgnore]
    public Activity Activity { get; set; }

    /// <summary>One at a time: guest writes, checkpoints, merges.</summary>
    [JsonIgnore]
    public SemaphoreSlim Storage { get; } = new(1, 1);

    /// <summary>Path of its <c>Msvm_ComputerSystem</c> or <c>Msvm_PlannedComputerSystem</c>.</summary>
    [JsonIgnore]
    public CimPath Path
    {
        get
        {
            var className = IsPlanned ? "Msvm_PlannedComputerSystem" : "Msvm_ComputerSystem";
            return new CimPath(className, ("CreationClassName", className), ("Name", LabText.Upper(Id)));
        }
    }

    /// <summary>Something was left to merge; the caller begins the merge after it.</summary>
    public void AskMerge()
    {
        MergePending = true;
        MergesAsked++;
    }

    /// <summary>OperationalStatus, as a host numbers it.</summary>
    [JsonIgnore]
    public IReadOnlyList<ushort> OperationalStatus
    {
        get
        {
            const ushort ok = 2, inService = 11, merging = 32772, backingUp = 32776;
            if (Activity is not (Activity.None or Activity.Other)) return [inService, (ushort)Activity];
            if (MergePending) return [inService, merging];
            return Checkpoints.Any(c => c.Kind == CheckpointKind.Recovery) ? [inService, backingUp] : [ok];
        }
    }
}
