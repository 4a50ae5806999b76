namespace Stillpoint.Model;

/// <summary>An image as the catalog knows it: what the storage unit says of it, and what only the primary server knows.</summary>
public sealed record ImageRecord
{
    /// <summary>The image.</summary>
    public required Guid Id { get; init; }

    /// <summary>Counts up over all images of a primary server; 0 until the catalog gave one.</summary>
    public long Number { get; init; }

    /// <summary>The VM's id on its host.</summary>
    public required Guid VmId { get; init; }

    /// <summary>The VM's name when the image was made.</summary>
    public required string Vm { get; init; }

    /// <summary>Name of the client that made it.</summary>
    public required string Host { get; init; }

    /// <summary>Name of the storage unit that holds it.</summary>
    public required string StorageUnit { get; init; }

    /// <summary>Name of the policy that asked for it.</summary>
    public string? Policy { get; init; }

    /// <summary>Name of the schedule that asked for it.</summary>
    public string? Schedule { get; init; }

    /// <summary>Name of the key domain that it is sealed for.</summary>
    public required string KeyDomain { get; init; }

    /// <summary>The job that made it.</summary>
    public required Guid JobId { get; init; }

    /// <summary>When the checkpoint was taken, UTC.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>What was read.</summary>
    public required ImageType Type { get; init; }

    /// <summary>What was achieved.</summary>
    public required Consistency Consistency { get; init; }

    /// <summary>How the snapshot was taken.</summary>
    public BackupMethod? Method { get; init; }

    /// <summary>One entry a disk, in the VM's order.</summary>
    public IReadOnlyList<DiskFigures> Disks { get; init; } = [];

    /// <summary>True when an incremental may build on it.</summary>
    public bool HasBaseNote { get; init; }

    /// <summary>What the look before the backup found.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];

    /// <summary>The last verify, or null.</summary>
    public VerifyResult? Verified { get; init; }
}
