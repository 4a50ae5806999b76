using Stillpoint.Extents;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>
/// A Hyper-V host as a backup needs it. Each call returns when the host has finished: asynchronous jobs are followed to their end.
/// Failures are <see cref="TroubleException"/>s that name the host or VM, the host's own message and the next step. A call that was
/// cancelled or timed out may still take effect on the host: the intent recorded before it finds what it left.
/// </summary>
public interface IHyperVHost : IAsyncDisposable
{
    /// <summary>The host's own name. Also proves that the host can be reached and the account may ask.</summary>
    Task<string> GetHostNameAsync(CancellationToken cancel);

    /// <summary>All realized VMs with their disks.</summary>
    Task<IReadOnlyList<VirtualMachine>> ListVirtualMachinesAsync(CancellationToken cancel);

    /// <summary>One VM, or null when the host has none of that id.</summary>
    Task<VirtualMachine?> FindVirtualMachineAsync(Guid vmId, CancellationToken cancel);

    /// <summary>All checkpoints of a VM, of every kind, with their frozen disks.</summary>
    Task<IReadOnlyList<Checkpoint>> ListCheckpointsAsync(Guid vmId, CancellationToken cancel);

    /// <summary>All reference points of a VM.</summary>
    Task<IReadOnlyList<ReferencePoint>> ListReferencePointsAsync(Guid vmId, CancellationToken cancel);

    /// <summary>True when the host's schema has <c>GuestBackupType</c> (after Windows Server 2016). Where it has not, a checkpoint is asked
    /// for with <see cref="GuestBackupType.HostDefault"/>, and that is what is recorded.</summary>
    Task<bool> HasGuestBackupTypeAsync(Guid vmId, CancellationToken cancel);

    /// <summary>What the host sees of the backup integration service in a guest.</summary>
    Task<GuestService> GetGuestServiceAsync(Guid vmId, CancellationToken cancel);

    /// <summary>The host's version; null when the account may not ask.</summary>
    Task<HostVersion?> GetVersionAsync(CancellationToken cancel);

    /// <summary>True when merging is switched off for a VM, as an export without its storage leaves it.</summary>
    Task<bool> IsMergingDisabledAsync(Guid vmId, CancellationToken cancel);

    /// <summary>Switches merging on (<c>ModifyDiskMergeSettings</c>).</summary>
    Task EnableMergingAsync(Guid vmId, CancellationToken cancel);

    /// <summary>Takes a recovery checkpoint (<c>CreateSnapshot</c>, type 32768) at one consistency level; no fall-back.</summary>
    /// <param name="vmId">The VM.</param>
    /// <param name="applicationConsistent">True for level 1, false for level 2 (crash-consistent).</param>
    /// <param name="guestBackupType">Sent unless it is the host's default; see <see cref="HasGuestBackupTypeAsync"/>.</param>
    /// <param name="cancel">Stops waiting, not the host.</param>
    Task<Checkpoint> CreateRecoveryCheckpointAsync(
        Guid vmId, bool applicationConsistent, GuestBackupType guestBackupType, CancellationToken cancel);

    /// <summary>Takes a standard checkpoint (<c>CreateSnapshot</c>, type 2) as a person would: it can be applied.</summary>
    Task<Checkpoint> CreateCheckpointAsync(Guid vmId, CancellationToken cancel);

    /// <summary>Takes a VM that is off back to a standard checkpoint (<c>ApplySnapshot</c>).</summary>
    Task ApplyCheckpointAsync(string checkpointId, CancellationToken cancel);

    /// <summary>Gives a checkpoint a name (<c>ModifySystemSettings</c>).</summary>
    Task RenameCheckpointAsync(string checkpointId, string name, CancellationToken cancel);

    /// <summary>Turns a recovery checkpoint into a reference point; the checkpoint is gone afterwards and its disks begin to merge.</summary>
    Task<ReferencePoint> ConvertToReferencePointAsync(string checkpointId, CancellationToken cancel);

    /// <summary>Removes a checkpoint; its disks begin to merge.</summary>
    Task DestroyCheckpointAsync(string checkpointId, CancellationToken cancel);

    /// <summary>Removes a reference point.</summary>
    Task DestroyReferencePointAsync(string referencePointId, CancellationToken cancel);

    /// <summary>Byte ranges of a frozen disk that may have changed since a tracking id was sealed; may be more than changed.</summary>
    /// <exception cref="TrackingLostException">The host cannot say: read the disk in full.</exception>
    Task<ExtentSet> GetChangesAsync(string diskPath, string trackingId, long diskLength, CancellationToken cancel);

    /// <summary>How the merge after a release stands: the host's jobs tell how far it is, and why it failed.</summary>
    Task<MergeState> GetMergeAsync(Guid vmId, CancellationToken cancel);

    /// <summary>True while the VM's disks still merge after a release.</summary>
    Task<bool> IsMergingAsync(Guid vmId, CancellationToken cancel);

    /// <summary>The snapshot that was last applied to the VM; null for none.</summary>
    Task<string?> GetLastAppliedSnapshotAsync(Guid vmId, CancellationToken cancel);

    /// <summary>Names of the host's virtual switches.</summary>
    Task<IReadOnlyList<string>> ListSwitchesAsync(CancellationToken cancel);

    /// <summary>Registers a configuration file as a planned VM.</summary>
    /// <param name="configurationPath">Host path of the file.</param>
    /// <param name="keepId">True for the id in the file, which no VM of the host may have; false for a new one.</param>
    /// <param name="cancel">Stops waiting, not the host.</param>
    Task<Guid> ImportPlannedAsync(string configurationPath, bool keepId, CancellationToken cancel);

    /// <summary>Planned VMs on the host: what an unfinished import left.</summary>
    Task<IReadOnlyList<VirtualMachine>> ListPlannedAsync(CancellationToken cancel);

    /// <summary>Renames a planned VM, points its data roots at a folder and each disk slot at a file; connects its network adapters as
    /// they are mapped. Drives of the host and disks shared with other VMs, which no image holds, are taken out of it.</summary>
    Task AdjustPlannedAsync(Guid plannedId, PlannedChanges changes, CancellationToken cancel);

    /// <summary>Has the host check a planned VM; fails with the host's own findings.</summary>
    Task ValidatePlannedAsync(Guid plannedId, CancellationToken cancel);

    /// <summary>Makes a planned VM real and returns its id.</summary>
    Task<Guid> RealizePlannedAsync(Guid plannedId, CancellationToken cancel);

    /// <summary>Removes a planned or a realized VM; its disk files stay.</summary>
    Task DestroyVirtualMachineAsync(Guid vmId, CancellationToken cancel);

    /// <summary>Starts a VM and returns when it runs.</summary>
    Task StartAsync(Guid vmId, CancellationToken cancel);
}
