using System.Collections;
using System.Runtime.InteropServices;

namespace Stillpoint.VirtualDisks;

/// <summary>Reads the whole BAT once, a MiB at a time, and refuses a file whose blocks overlap each other, the metadata, or the end.</summary>
internal static class BlockTableCheck
{
    private const int Piece = 1 << 20;

    internal static void Run(IDiskFile file, VhdxHeader header, VhdxRegions regions, VhdxMetadata metadata)
    {
        var taken = new BitArray(checked((int)((file.Length / VhdxLayout.Mebibyte) + 1)));
        void Reserve(long offset, long length)
        {
            for (var mib = offset / VhdxLayout.Mebibyte; mib < (offset + length) / VhdxLayout.Mebibyte; mib++) taken[(int)mib] = true;
        }
        Reserve(0, VhdxLayout.Mebibyte);
        Reserve(header.LogOffset, header.LogLength);
        Reserve(regions.BatOffset, regions.BatLength);
        Reserve(regions.MetadataOffset, regions.MetadataLength);

        var entries = metadata.BatEntries;
        var buffer = new byte[Math.Min(Piece, entries * 8)];
        for (long first = 0; first < entries; first += Piece / 8)
        {
            var piece = buffer.AsSpan(0, (int)Math.Min(Piece, (entries - first) * 8));
            file.Read(regions.BatOffset + (first * 8), piece);
            if (!piece.ContainsAnyExcept((byte)0)) continue;
            var words = MemoryMarshal.Cast<byte, ulong>(piece);
            for (var i = 0; i < words.Length; i++)
            {
                if (words[i] != 0) CheckEntry(first + i, new BatEntry(words[i]));
            }
        }

        void CheckEntry(long index, BatEntry entry)
        {
            DiskFormatException Bad(string problem) => new(file.Path, "BAT", regions.BatOffset + (index * 8), $"entry {index} {problem}");
            var isBitmap = index % (metadata.ChunkRatio + 1) == metadata.ChunkRatio;
            if (isBitmap ? entry.State is not (BlockState.NotPresent or BlockState.FullyPresent) : (int)entry.State == 4)
            {
                throw Bad($"has state {(int)entry.State}, which is not known");
            }
            if (!isBitmap && entry.State == BlockState.PartiallyPresent && !metadata.HasParent) throw Bad("is partially present, but the disk has no parent");
            if (!entry.IsPresent || (isBitmap && !metadata.HasParent)) return;
            var size = isBitmap ? VhdxLayout.SectorBitmapBlock : metadata.BlockSize;
            if ((entry.Bits & 0xFFFF8) != 0) throw Bad("has reserved bits set");
            if (entry.FileOffset < VhdxLayout.Mebibyte || entry.FileOffset > file.Length - size) throw Bad($"points to {entry.FileOffset}, outside the file of {file.Length} bytes");
            var from = (int)(entry.FileOffset / VhdxLayout.Mebibyte);
            for (var mib = from; mib < from + (int)(size / VhdxLayout.Mebibyte); mib++)
            {
                if (taken[mib]) throw Bad($"points to {entry.FileOffset}, which another block or structure has");
                taken[mib] = true;
            }
        }
    }
}
