namespace Stillpoint.VirtualDisks;

/// <summary>How a disk is divided.</summary>
public enum PartitionScheme
{
    /// <summary>Not at all: empty, or one file system over the whole disk.</summary>
    None,

    /// <summary>Master boot record.</summary>
    Mbr,

    /// <summary>GUID partition table.</summary>
    Gpt,
}

/// <summary>A partition.</summary>
/// <param name="Number">From 1 on, in the order of the table; logical ones from 5 on.</param>
/// <param name="Offset">First byte on the disk.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Type">MBR type as two hex digits, or GPT type GUID.</param>
/// <param name="Name">The partition's name; GPT only.</param>
/// <param name="FileSystem">Kind of file system, by its signature: ntfs, refs, fat, exfat, bitlocker, ext, xfs, btrfs, swap, lvm; null when not known.</param>
public sealed record Partition(int Number, long Offset, long Length, string Type, string? Name, string? FileSystem);

/// <summary>What a disk holds, for an inventory.</summary>
/// <param name="Scheme">How it is divided.</param>
/// <param name="Partitions">Its partitions.</param>
/// <param name="FileSystem">File system over the whole disk, where there is no division.</param>
/// <param name="Warnings">What was wrong and was got around, such as a damaged first GPT header.</param>
public sealed record DiskContents(PartitionScheme Scheme, IReadOnlyList<Partition> Partitions, string? FileSystem, IReadOnlyList<string> Warnings);
