using System.Buffers.Binary;
using System.Numerics;

namespace Stillpoint.VirtualDisks;

/// <summary>What the metadata region says of the disk (MS-VHDX 2.6).</summary>
internal sealed record VhdxMetadata
{
    internal required int BlockSize { get; init; }
    internal required bool LeaveAllocated { get; init; }
    internal required bool HasParent { get; init; }
    internal required long Length { get; init; }
    internal required Guid VirtualDiskId { get; init; }
    internal required int LogicalSectorSize { get; init; }
    internal required int PhysicalSectorSize { get; init; }
    internal ParentLocator? Locator { get; init; }

    /// <summary>Payload blocks that share one sector bitmap block (2.5).</summary>
    internal long ChunkRatio => (1L << 23) * LogicalSectorSize / BlockSize;

    internal long PayloadBlocks => (Length + BlockSize - 1) / BlockSize;

    internal long BitmapBlocks => (PayloadBlocks + ChunkRatio - 1) / ChunkRatio;

    internal long BatEntries => HasParent ? BitmapBlocks * (ChunkRatio + 1)
        : PayloadBlocks == 0 ? 0 : PayloadBlocks + ((PayloadBlocks - 1) / ChunkRatio);

    internal int SectorsPerBlock => BlockSize / LogicalSectorSize;

    internal static VhdxMetadata Load(IDiskFile file, VhdxRegions regions)
    {
        var items = VhdxMetadataItems.Load(file, regions);
        DiskFormatException Bad(string problem) => new(file.Path, "metadata", regions.MetadataOffset, problem);
        var parameters = items.Value(VhdxLayout.FileParametersItem, "File Parameters", 8);
        var blockSize = BinaryPrimitives.ReadUInt32LittleEndian(parameters);
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(parameters.AsSpan(4));
        if (blockSize is < VhdxLayout.SmallestBlock or > VhdxLayout.LargestBlock || !BitOperations.IsPow2(blockSize))
        {
            throw Bad($"File Parameters: block size {blockSize} is not a power of two from 1 to 256 MiB");
        }
        var logical = SectorSize(items.Value(VhdxLayout.LogicalSectorSizeItem, "Logical Sector Size", 4), "Logical Sector Size", Bad);
        var physical = SectorSize(items.Value(VhdxLayout.PhysicalSectorSizeItem, "Physical Sector Size", 4), "Physical Sector Size", Bad);
        var length = BinaryPrimitives.ReadInt64LittleEndian(items.Value(VhdxLayout.VirtualDiskSizeItem, "Virtual Disk Size", 8));
        if (length is <= 0 or > VhdxLayout.LargestDisk || length % logical != 0)
        {
            throw Bad($"Virtual Disk Size: {unchecked((ulong)length)} is not a multiple of the sector up to 64 TiB");
        }
        var hasParent = (flags & 2) != 0;
        var metadata = new VhdxMetadata
        {
            BlockSize = (int)blockSize,
            LeaveAllocated = (flags & 1) != 0,
            HasParent = hasParent,
            Length = length,
            VirtualDiskId = new Guid(items.Value(VhdxLayout.VirtualDiskIdItem, "Virtual Disk ID", 16)),
            LogicalSectorSize = logical,
            PhysicalSectorSize = physical,
            Locator = hasParent ? VhdxParentLocator.Parse(items.Value(VhdxLayout.ParentLocatorItem, "Parent Locator", null), file.Path, regions.MetadataOffset) : null,
        };
        if (metadata.BatEntries * 8 > regions.BatLength)
        {
            throw new DiskFormatException(file.Path, "BAT", regions.BatOffset,
                $"has {regions.BatLength} bytes, but a disk of {length} bytes in blocks of {blockSize} needs {metadata.BatEntries * 8}");
        }
        return metadata;
    }

    private static int SectorSize(byte[] value, string item, Func<string, DiskFormatException> bad)
    {
        var size = BinaryPrimitives.ReadUInt32LittleEndian(value);
        return size is 512 or 4096 ? (int)size : throw bad($"{item}: {size} is neither 512 nor 4096");
    }
}
