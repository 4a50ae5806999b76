namespace Stillpoint.Model;

/// <summary>An image as lists show it: the catalog's row, and what <c>store images</c> prints.</summary>
/// <param name="Id">The image.</param>
/// <param name="VmId">The VM's id on its host.</param>
/// <param name="Vm">The VM's name; null where the reader holds no key.</param>
/// <param name="JobId">The job that made it.</param>
/// <param name="Created">When the checkpoint was taken, UTC.</param>
/// <param name="Type">What was read.</param>
/// <param name="Consistency">What was achieved.</param>
/// <param name="Method">How the snapshot was taken; null for a disk file backed up without a host.</param>
/// <param name="Disks">One entry a disk, in the VM's order.</param>
/// <param name="HasBaseNote">True when an incremental may build on it.</param>
/// <param name="Verified">The last verify, or null.</param>
public sealed record ImageSummary(
    Guid Id,
    Guid VmId,
    string? Vm,
    Guid JobId,
    DateTimeOffset Created,
    ImageType Type,
    Consistency Consistency,
    BackupMethod? Method,
    IReadOnlyList<DiskFigures> Disks,
    bool HasBaseNote = false,
    VerifyResult? Verified = null)
{
    /// <summary>What the look before the backup found; empty where the reader did not look into the image.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];
}

/// <summary>The outcome of a verify.</summary>
/// <param name="At">When it ended, UTC.</param>
/// <param name="Result"><c>sound</c> or <c>damaged</c>.</param>
/// <param name="Kind">What was checked.</param>
public sealed record VerifyResult(DateTimeOffset At, string Result, VerifyKind Kind);

/// <summary>How deep a verify looks.</summary>
public enum VerifyKind
{
    /// <summary>Decrypt, decompress, compare with the id.</summary>
    Full,

    /// <summary>Structure, presence and record checksums; needs no key.</summary>
    Stored,
}
