using System.Numerics;
using System.Runtime.InteropServices;

namespace Stillpoint.VirtualDisks;

/// <summary>Fixed places, sizes and ids of MS-VHDX (sections 2.1 to 2.6).</summary>
internal static class VhdxLayout
{
    internal const long Mebibyte = 1 << 20;
    internal const int Page = 4096;
    internal const int HeaderSize = 4096;
    internal const int RegionTableSize = 64 << 10;
    internal const int MetadataTableSize = 64 << 10;
    internal const long SectorBitmapBlock = Mebibyte;
    internal const int MostEntries = 2047;
    internal const long LargestDisk = 64L << 40;
    internal const int SmallestBlock = 1 << 20;
    internal const int LargestBlock = 256 << 20;

    /// <summary>A file cannot need more: 64 TiB of payload, its bitmaps and its BAT. A longer one would cost memory for nothing.</summary>
    internal const long LongestFile = 1L << 47;

    /// <summary>A log of Hyper-V has 1 MiB. A dirty one of more than this is refused rather than searched.</summary>
    internal const long LongestLog = 64 * Mebibyte;

    internal static readonly long[] HeaderOffsets = [64 << 10, 128 << 10];
    internal static readonly long[] RegionTableOffsets = [192 << 10, 256 << 10];

    internal static readonly Guid BatRegion = new("2DC27766-F623-4200-9D64-115E9BFD4A08");
    internal static readonly Guid MetadataRegion = new("8B7CA206-4790-4B9A-B8FE-575F050F886E");

    internal static readonly Guid FileParametersItem = new("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
    internal static readonly Guid VirtualDiskSizeItem = new("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
    internal static readonly Guid VirtualDiskIdItem = new("BECA12AB-B2E6-4523-93EF-C309E000C746");
    internal static readonly Guid LogicalSectorSizeItem = new("8141BF1D-A96F-4709-BA47-F233A8FAAB5F");
    internal static readonly Guid PhysicalSectorSizeItem = new("CDA348C7-445D-4471-9CC9-E9885251C556");
    internal static readonly Guid ParentLocatorItem = new("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");
    internal static readonly Guid ParentLocatorType = new("B04AEFB7-D19E-4A81-B789-25B8E9445913");

    internal static ReadOnlySpan<byte> FileSignature => "vhdxfile"u8;
    internal static ReadOnlySpan<byte> HeaderSignature => "head"u8;
    internal static ReadOnlySpan<byte> RegionSignature => "regi"u8;
    internal static ReadOnlySpan<byte> MetadataSignature => "metadata"u8;

    internal static long RoundUp(long value, long granule) => checked((value + granule - 1) / granule * granule);

    /// <summary>CRC-32C over <paramref name="bytes"/> with the four bytes at <paramref name="field"/> taken as zero.</summary>
    internal static uint Checksum(ReadOnlySpan<byte> bytes, int field)
    {
        var crc = Crc(uint.MaxValue, bytes[..field]);
        crc = BitOperations.Crc32C(crc, 0u);
        return ~Crc(crc, bytes[(field + 4)..]);
    }

    internal static uint Crc(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes)) crc = BitOperations.Crc32C(crc, word);
        foreach (var rest in bytes[(bytes.Length & ~7)..]) crc = BitOperations.Crc32C(crc, rest);
        return crc;
    }
}
