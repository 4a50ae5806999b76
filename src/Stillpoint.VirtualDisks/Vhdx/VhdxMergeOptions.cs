namespace Stillpoint.VirtualDisks;

/// <summary>How to merge.</summary>
public sealed record VhdxMergeOptions
{
    /// <summary>Where new identities come from.</summary>
    public required Func<Guid> NewId { get; init; }

    /// <summary>How parents are found; null for <see cref="ParentLocator.ResolveBeside"/>.</summary>
    public ParentResolver? ResolveParent { get; init; }

    /// <summary>Told the bytes of the disk that are done, and the disk's size, after each piece.</summary>
    public Action<long, long>? Progress { get; init; }

    internal IDiskFiles Files { get; init; } = HostFiles.Instance;
}

/// <summary>How to link a child to a parent.</summary>
public sealed record VhdxLinkOptions
{
    /// <summary>Where new identities come from.</summary>
    public required Func<Guid> NewId { get; init; }

    /// <summary>How the parent's own parents are found; null for <see cref="ParentLocator.ResolveBeside"/>.</summary>
    public ParentResolver? ResolveParent { get; init; }

    /// <summary>The texts to write; null for the way from the child's folder.</summary>
    public ParentPaths? ParentPaths { get; init; }

    internal IDiskFiles Files { get; init; } = HostFiles.Instance;
}
