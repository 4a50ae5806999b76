using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <summary>The region table (MS-VHDX 2.2.3): where BAT and metadata lie.</summary>
/// <param name="HasOthers">True when the table names regions that this library does not know and may leave out.</param>
internal sealed record VhdxRegions(long BatOffset, uint BatLength, long MetadataOffset, uint MetadataLength, bool HasOthers = false)
{
    private const int ChecksumField = 4;
    private const int EntrySize = 32;
    private const int FirstEntry = 16;

    internal byte[] ToBytes()
    {
        var bytes = new byte[VhdxLayout.RegionTableSize];
        VhdxLayout.RegionSignature.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), 2);
        WriteEntry(bytes.AsSpan(FirstEntry), VhdxLayout.BatRegion, BatOffset, BatLength);
        WriteEntry(bytes.AsSpan(FirstEntry + EntrySize), VhdxLayout.MetadataRegion, MetadataOffset, MetadataLength);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(ChecksumField), VhdxLayout.Checksum(bytes, ChecksumField));
        return bytes;
    }

    internal static VhdxRegions Load(IDiskFile file, VhdxHeader header)
    {
        foreach (var at in VhdxLayout.RegionTableOffsets)
        {
            if (Sound(file, at) is { } bytes) return Parse(bytes, file, header, at);
        }
        throw new DiskFormatException(file.Path, "region table", VhdxLayout.RegionTableOffsets[0], "neither copy has a valid signature and checksum");
    }

    internal static bool IsSound(IDiskFile file, long at) => Sound(file, at) is not null;

    private static byte[]? Sound(IDiskFile file, long at)
    {
        var bytes = new byte[VhdxLayout.RegionTableSize];
        file.Read(at, bytes);
        if (!bytes.AsSpan().StartsWith(VhdxLayout.RegionSignature)) return null;
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(ChecksumField)) == VhdxLayout.Checksum(bytes, ChecksumField) ? bytes : null;
    }

    private static VhdxRegions Parse(ReadOnlySpan<byte> bytes, IDiskFile file, VhdxHeader header, long at)
    {
        DiskFormatException Bad(string problem) => new(file.Path, "region table", at, problem);
        var count = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (count > VhdxLayout.MostEntries) throw Bad($"claims {count} entries; at most {VhdxLayout.MostEntries} fit");
        (long Offset, uint Length)? bat = null, metadata = null;
        var taken = new List<(long Start, long End)> { (header.LogOffset, header.LogOffset + header.LogLength) };
        for (var i = 0; i < (int)count; i++)
        {
            var entry = bytes.Slice(FirstEntry + (i * EntrySize), EntrySize);
            var id = new Guid(entry[..16]);
            var offset = BinaryPrimitives.ReadInt64LittleEndian(entry[16..]);
            var length = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
            var required = (BinaryPrimitives.ReadUInt32LittleEndian(entry[28..]) & 1) != 0;
            if (offset < VhdxLayout.Mebibyte || offset % VhdxLayout.Mebibyte != 0 || length % VhdxLayout.Mebibyte != 0
                || length == 0 || offset > VhdxLayout.LongestFile)
            {
                throw Bad($"entry {i} puts region {id} at {offset}, length {length}: not whole MiB from 1 MiB on");
            }
            if (offset + length > file.Length) throw Bad($"entry {i} puts region {id} past the end of the file");
            if (taken.Exists(t => offset < t.End && t.Start < offset + length)) throw Bad($"entry {i}: region {id} overlaps another or the log");
            taken.Add((offset, offset + length));
            if (id == VhdxLayout.BatRegion && bat is null) bat = (offset, length);
            else if (id == VhdxLayout.MetadataRegion && metadata is null) metadata = (offset, length);
            else if (id == VhdxLayout.BatRegion || id == VhdxLayout.MetadataRegion) throw Bad($"names region {id} twice");
            else if (required) throw Bad($"requires region {id}, which is not known");
        }
        if (bat is not { } b) throw Bad("has no BAT region");
        if (metadata is not { } m) throw Bad("has no metadata region");
        return new(b.Offset, b.Length, m.Offset, m.Length, HasOthers: count > 2);
    }

    private static void WriteEntry(Span<byte> entry, Guid id, long offset, uint length)
    {
        id.TryWriteBytes(entry);
        BinaryPrimitives.WriteInt64LittleEndian(entry[16..], offset);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[24..], length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[28..], 1);
    }
}
