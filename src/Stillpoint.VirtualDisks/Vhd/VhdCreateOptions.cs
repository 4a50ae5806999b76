namespace Stillpoint.VirtualDisks;

/// <summary>What a new VHD shall be.</summary>
public sealed record VhdCreateOptions
{
    /// <summary>Virtual size in bytes, whole sectors of 512 up to 2040 GiB; for a differencing disk 0 takes the parent's.</summary>
    public long Length { get; init; }

    /// <summary>Bytes in a block: 512 KiB or 2 MiB (the default).</summary>
    public int BlockSize { get; init; } = 2 << 20;

    /// <summary>Fixed, dynamic or differencing.</summary>
    public DiskKind Kind { get; init; } = DiskKind.Dynamic;

    /// <summary>Path of the parent's file here; needed for a differencing disk and only there.</summary>
    public string? Parent { get; init; }

    /// <summary>How to open the parent's own chain.</summary>
    public ParentResolver? ResolveParent { get; init; }

    /// <summary>The texts to write as the parent's paths; null for the way from the child's folder.</summary>
    public ParentPaths? ParentPaths { get; init; }

    /// <summary>Where new identities come from.</summary>
    public required Func<Guid> NewId { get; init; }

    /// <summary>The clock; the footer carries the time of creation.</summary>
    public required TimeProvider Time { get; init; }

    internal IDiskFiles Files { get; init; } = HostFiles.Instance;
}

/// <summary>New VHD files.</summary>
public static class VhdFile
{
    /// <summary>Makes a VHD file, which must not be there yet, and opens it for writing. All of it reads as zero, or as its parent.</summary>
    /// <exception cref="ArgumentException">The options contradict the format.</exception>
    /// <exception cref="IOException">The file is there, or cannot be written.</exception>
    public static VirtualDisk Create(string path, VhdCreateOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        return VhdCreation.Create(path, options);
    }
}
