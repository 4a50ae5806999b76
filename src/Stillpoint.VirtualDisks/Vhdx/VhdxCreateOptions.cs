namespace Stillpoint.VirtualDisks;

/// <summary>What a new VHDX shall be.</summary>
public sealed record VhdxCreateOptions
{
    /// <summary>Virtual size in bytes, a multiple of the logical sector up to 64 TiB; for a differencing disk 0 takes the parent's.</summary>
    public long Length { get; init; }

    /// <summary>Bytes in a block: a power of two from 1 to 256 MiB. 0 takes 32 MiB, for a differencing disk 2 MiB, as Hyper-V does.</summary>
    public int BlockSize { get; init; }

    /// <summary>512 or 4096; a differencing disk takes its parent's.</summary>
    public int LogicalSectorSize { get; init; } = 512;

    /// <summary>512 or 4096.</summary>
    public int PhysicalSectorSize { get; init; } = 4096;

    /// <summary>Fixed, dynamic or differencing.</summary>
    public DiskKind Kind { get; init; } = DiskKind.Dynamic;

    /// <summary>Path of the parent's file here; needed for a differencing disk and only there. It must not be open for writing.</summary>
    public string? Parent { get; init; }

    /// <summary>How to open the parent's own chain.</summary>
    public ParentResolver? ResolveParent { get; init; }

    /// <summary>The texts to write as the parent's paths, such as Windows paths; null for <c>.\name</c> or a way up from the child's folder.</summary>
    public ParentPaths? ParentPaths { get; init; }

    /// <summary>Where new identities come from.</summary>
    public required Func<Guid> NewId { get; init; }

    /// <summary>The disk's identity when it shall be a known one (a restore keeps it); null for a new one, or the parent's.</summary>
    public Guid? VirtualDiskId { get; init; }

    /// <summary>Who made the file, at most 256 characters; stands in the file identifier.</summary>
    public string Creator { get; init; } = "Stillpoint";

    internal IDiskFiles Files { get; init; } = HostFiles.Instance;
}

/// <summary>Texts by which a child names its parent.</summary>
/// <param name="Relative">From the child's folder, such as <c>.\base.vhdx</c> or <c>..\disks\base.vhdx</c>.</param>
/// <param name="Absolute">Windows path such as <c>C:\VMs\base.vhdx</c>.</param>
/// <param name="Volume">Path by volume GUID.</param>
public sealed record ParentPaths(string? Relative = null, string? Absolute = null, string? Volume = null);
