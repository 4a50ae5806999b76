namespace Stillpoint.Model;

/// <summary>Why a disk was read in full although an incremental was asked.</summary>
/// <param name="Cause">What sort of cause.</param>
/// <param name="Reason">A clause for people: <c>disk data.vhdx was replaced since the base</c>.</param>
public sealed record FullRead(FullReadCause Cause, string Reason)
{
    /// <summary>True where the rules themselves ask for it: nobody need look into it.</summary>
    public bool IsExpected => Cause is FullReadCause.NoBase or FullReadCause.PolicyOff or FullReadCause.NotTracked or FullReadCause.RescanDue
        or FullReadCause.DiskAdded;
}

/// <summary>What forces a full read.</summary>
public enum FullReadCause
{
    /// <summary>The VM has no earlier image that an incremental could build on.</summary>
    NoBase,

    /// <summary>The policy keeps no reference points.</summary>
    PolicyOff,

    /// <summary>Nothing on the host follows the disk: a VHD, or a configuration version before 6.2.</summary>
    NotTracked,

    /// <summary>The last full read is older than the policy allows.</summary>
    RescanDue,

    /// <summary>The base was found damaged, or its tracking is suspect.</summary>
    BaseDamaged,

    /// <summary>The base's reference point is no longer on the host, or has no tracking id for the disk.</summary>
    BaseLost,

    /// <summary>A cumulative incremental lacks an image since the last full.</summary>
    ImageGone,

    /// <summary>A checkpoint was applied to the VM.</summary>
    Reverted,

    /// <summary>The disk is new in the VM.</summary>
    DiskAdded,

    /// <summary>Another disk is in the slot.</summary>
    DiskReplaced,

    /// <summary>Its size changed.</summary>
    DiskResized,

    /// <summary>Its file lies elsewhere now.</summary>
    DiskMoved,

    /// <summary>The files below it are others.</summary>
    ChainChanged,

    /// <summary>The host does not know the base's tracking id any more.</summary>
    TrackingStale,

    /// <summary>The disk was changed while no VM used it: written, compacted.</summary>
    ChangedOffline,

    /// <summary>Change tracking was switched off or begun anew, as another product does.</summary>
    TrackingReset,

    /// <summary>The host's change tracking is broken, or its list is too long.</summary>
    TrackingBroken,

    /// <summary>The tracking audit found a write that change tracking missed.</summary>
    AuditFailed,
}
