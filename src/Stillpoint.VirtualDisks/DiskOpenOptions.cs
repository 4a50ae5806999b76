namespace Stillpoint.VirtualDisks;

/// <summary>How to open a disk.</summary>
public sealed record DiskOpenOptions
{
    /// <summary>True by default. A read-only disk's files are never written: a dirty log is applied in memory. Parents are always read-only.</summary>
    public bool ReadOnly { get; init; } = true;

    /// <summary>Takes the file as this format without looking; for raw disks whose content may look like something else.</summary>
    public DiskFormat? Format { get; init; }

    /// <summary>Finds a parent's file; null for <see cref="ParentLocator.ResolveBeside"/>.</summary>
    public ParentResolver? ResolveParent { get; init; }

    /// <summary>Where new identities come from; needed to open a VHDX for writing.</summary>
    public Func<Guid>? NewId { get; init; }

    /// <summary>Opens a differencing file alone, to look at it or to link it anew. What it does not hold cannot be read.</summary>
    public bool WithoutParent { get; init; }

    /// <summary>Ends the replay of a log by an opening for writing; the file stays as it was or partly replayed, and the next opening goes on.</summary>
    public CancellationToken Cancel { get; init; }

    internal IDiskFiles Files { get; init; } = HostFiles.Instance;
}

/// <summary>Finds the file of a parent.</summary>
/// <param name="childPath">The child's file, as it was opened.</param>
/// <param name="locator">What the child says of its parent.</param>
/// <returns>A path that can be opened here, or null when there is none.</returns>
public delegate string? ParentResolver(string childPath, ParentLocator locator);
