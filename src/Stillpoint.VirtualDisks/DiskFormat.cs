namespace Stillpoint.VirtualDisks;

/// <summary>How a disk's file is laid out.</summary>
public enum DiskFormat
{
    /// <summary>The bytes of the disk and nothing else.</summary>
    Raw,

    /// <summary>Virtual Hard Disk image format, version 1.0.</summary>
    Vhd,

    /// <summary>MS-VHDX.</summary>
    Vhdx,
}

/// <summary>When a disk's file takes space.</summary>
public enum DiskKind
{
    /// <summary>All at once.</summary>
    Fixed,

    /// <summary>Block by block when first written.</summary>
    Dynamic,

    /// <summary>Only for what differs from the parent.</summary>
    Differencing,
}
