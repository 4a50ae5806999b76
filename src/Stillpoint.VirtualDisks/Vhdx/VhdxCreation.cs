using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using Stillpoint.Durable;

namespace Stillpoint.VirtualDisks;

/// <summary>Writes a new VHDX file: identifier, log at 1 MiB, metadata at 2 MiB, BAT at 3 MiB, then payload.</summary>
internal static class VhdxCreation
{
    private const int MetadataLength = 1 << 20;
    private const long LogOffset = VhdxLayout.Mebibyte;
    private const long MetadataOffset = 2 * VhdxLayout.Mebibyte;
    private const long BatOffset = 3 * VhdxLayout.Mebibyte;

    internal static VhdxDisk Create(string path, VhdxCreateOptions options)
    {
        using var parent = OpenParent(options);
        var metadata = Plan(path, options, parent);
        var file = options.Files.Create(path);
        try
        {
            var disk = Write(file, metadata, options);
            DurableFile.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            if (parent is not null) disk.AdoptParent(OpenParent(options));
            return disk;
        }
        catch
        {
            file.Dispose();
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Fills an empty file.</summary>
    internal static VhdxDisk Write(IDiskFile file, VhdxMetadata metadata, VhdxCreateOptions options)
    {
        var batLength = Math.Max(VhdxLayout.Mebibyte, VhdxLayout.RoundUp(checked(metadata.BatEntries * 8), VhdxLayout.Mebibyte));
        var regions = new VhdxRegions(BatOffset, checked((uint)batLength), MetadataOffset, MetadataLength);
        var payload = BatOffset + batLength;
        file.SetLength(metadata.LeaveAllocated ? checked(payload + (metadata.PayloadBlocks * metadata.BlockSize)) : payload);
        file.Write(MetadataOffset, VhdxMetadataItems.Build(Items(metadata), MetadataLength));
        foreach (var at in VhdxLayout.RegionTableOffsets) file.Write(at, regions.ToBytes());
        if (metadata.LeaveAllocated) WriteFixedTable(file, metadata, payload);
        file.Write(0, Identifier(options.Creator));
        var header = new VhdxHeader(1, options.NewId(), options.NewId(), Guid.Empty, LogOffset, (uint)VhdxLayout.Mebibyte);
        file.Write(VhdxLayout.HeaderOffsets[0], header.ToBytes());
        file.Write(VhdxLayout.HeaderOffsets[1], (header with { Sequence = 2 }).ToBytes());
        file.Sync();
        var disk = new VhdxDisk(file, VhdxHeaders.Load(file), regions, metadata, options.NewId);
        disk.KeepWriteId(); // it is new already
        return disk;
    }

    internal static VhdxMetadata Plan(string path, VhdxCreateOptions options, VirtualDisk? parent)
    {
        var differencing = options.Kind == DiskKind.Differencing;
        var blockSize = options.BlockSize != 0 ? options.BlockSize : differencing ? 2 << 20 : 32 << 20;
        if (blockSize is < VhdxLayout.SmallestBlock or > VhdxLayout.LargestBlock || !BitOperations.IsPow2(blockSize))
        {
            throw new ArgumentException($"block size {blockSize} is not a power of two from 1 to 256 MiB", nameof(options));
        }
        var logical = parent?.LogicalSectorSize ?? options.LogicalSectorSize;
        var physical = parent?.PhysicalSectorSize ?? options.PhysicalSectorSize;
        if (logical is not (512 or 4096) || physical is not (512 or 4096)) throw new ArgumentException("sectors have 512 or 4096 bytes", nameof(options));
        var length = options.Length == 0 && parent is not null ? parent.Length : options.Length;
        if (length is <= 0 or > VhdxLayout.LargestDisk || length % logical != 0)
        {
            throw new ArgumentException($"a size of {length} bytes is not a multiple of the sector ({logical}) up to 64 TiB", nameof(options));
        }
        if (parent is not null && length < parent.Length) throw new ArgumentException("a child cannot be smaller than its parent", nameof(options));
        if (options.Creator.Length > 256) throw new ArgumentException("the creator has more than 256 characters", nameof(options));
        return new VhdxMetadata
        {
            BlockSize = blockSize,
            LeaveAllocated = options.Kind == DiskKind.Fixed,
            HasParent = differencing,
            Length = length,
            VirtualDiskId = options.VirtualDiskId ?? parent?.VirtualDiskId ?? options.NewId(),
            LogicalSectorSize = logical,
            PhysicalSectorSize = physical,
            Locator = parent is null ? null : LocatorOf(path, parent, options.ParentPaths),
        };
    }

    internal static ParentLocator LocatorOf(string childPath, VirtualDisk parent, ParentPaths? paths, Guid? linkage2 = null)
    {
        // libvhdi takes the parent's name from the absolute path alone, so there is one even where paths have no drive letter.
        paths ??= new ParentPaths(Relative: RelativePath(childPath, parent.Path), Absolute: Path.GetFullPath(parent.Path).Replace('/', '\\'));
        var entries = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [ParentLocator.LinkageKey] = parent.WriteId!.Value.ToString("B"),
        };
        if (linkage2 is { } second) entries[ParentLocator.Linkage2Key] = second.ToString("B");
        if (paths.Relative is { } relative) entries[ParentLocator.RelativeKey] = relative;
        if (paths.Volume is { } volume) entries[ParentLocator.VolumeKey] = volume;
        if (paths.Absolute is { } absolute) entries[ParentLocator.AbsoluteKey] = absolute;
        if (entries.Count == (linkage2 is null ? 1 : 2)) throw new ArgumentException("a child needs at least one path to its parent", nameof(paths));
        return new ParentLocator(entries);
    }

    private static VirtualDisk? OpenParent(VhdxCreateOptions options)
    {
        if (options.Kind != DiskKind.Differencing)
        {
            return options.Parent is null ? null : throw new ArgumentException("only a differencing disk has a parent", nameof(options));
        }
        if (options.Parent is null) throw new ArgumentException("a differencing disk needs a parent", nameof(options));
        var parent = VirtualDisk.Open(options.Parent, new DiskOpenOptions { ResolveParent = options.ResolveParent, Files = options.Files });
        if (parent.Format == DiskFormat.Vhdx) return parent;
        parent.Dispose();
        throw new ArgumentException($"{options.Parent} is {parent.Format}; the parent of a VHDX is a VHDX", nameof(options));
    }

    private static List<(Guid, uint, byte[])> Items(VhdxMetadata metadata)
    {
        var flags = (metadata.LeaveAllocated ? 1 : 0) | (metadata.HasParent ? 2 : 0);
        var items = new List<(Guid, uint, byte[])>
        {
            (VhdxLayout.FileParametersItem, VhdxMetadataItems.Required, [.. BitConverter.GetBytes(metadata.BlockSize), .. BitConverter.GetBytes(flags)]),
            (VhdxLayout.VirtualDiskSizeItem, VhdxMetadataItems.RequiredOfDisk, BitConverter.GetBytes(metadata.Length)),
            (VhdxLayout.VirtualDiskIdItem, VhdxMetadataItems.RequiredOfDisk, metadata.VirtualDiskId.ToByteArray()),
            (VhdxLayout.LogicalSectorSizeItem, VhdxMetadataItems.RequiredOfDisk, BitConverter.GetBytes(metadata.LogicalSectorSize)),
            (VhdxLayout.PhysicalSectorSizeItem, VhdxMetadataItems.RequiredOfDisk, BitConverter.GetBytes(metadata.PhysicalSectorSize)),
        };
        if (metadata.Locator is { } locator) items.Add((VhdxLayout.ParentLocatorItem, VhdxMetadataItems.Required, VhdxParentLocator.Build(locator)));
        return items;
    }

    private static void WriteFixedTable(IDiskFile file, VhdxMetadata metadata, long payload)
    {
        var buffer = new byte[VhdxLayout.Mebibyte];
        var words = MemoryMarshal.Cast<byte, ulong>(buffer.AsSpan());
        var stride = metadata.ChunkRatio + 1;
        for (long first = 0; first < metadata.BatEntries; first += words.Length)
        {
            var count = (int)Math.Min(words.Length, metadata.BatEntries - first);
            for (var i = 0; i < count; i++)
            {
                var (chunk, place) = Math.DivRem(first + i, stride);
                var block = (chunk * metadata.ChunkRatio) + place;
                words[i] = place == metadata.ChunkRatio ? 0 : new BatEntry(BlockState.FullyPresent, payload + (block * metadata.BlockSize)).Bits;
            }
            file.Write(BatOffset + (first * 8), buffer.AsSpan(0, count * 8));
        }
    }

    private static byte[] Identifier(string creator)
    {
        var bytes = new byte[VhdxLayout.FileSignature.Length + 512];
        VhdxLayout.FileSignature.CopyTo(bytes);
        Encoding.Unicode.GetBytes(creator, bytes.AsSpan(VhdxLayout.FileSignature.Length));
        return bytes;
    }

    private static string RelativePath(string child, string parent)
    {
        var relative = Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(child))!, Path.GetFullPath(parent));
        var text = relative.Replace('/', '\\');
        return text.StartsWith(@"..\", StringComparison.Ordinal) || Path.IsPathRooted(relative) ? text : @".\" + text;
    }
}
