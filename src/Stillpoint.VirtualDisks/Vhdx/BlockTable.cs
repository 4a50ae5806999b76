using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <summary>The BAT (MS-VHDX 2.5): where each payload block and each sector bitmap lies in the file.</summary>
internal sealed class BlockTable
{
    /// <summary>4 MiB of pages: a disk of 16 TiB in blocks of 32 MiB, or of 512 GiB in blocks of 1 MiB, without reading any page twice.</summary>
    private const int MostPages = 1024;

    /// <summary>Bytes of the table that one look for a used entry goes through, so that a walk can be stopped.</summary>
    private const long LongestLook = 16 << 20;
    private const int EntriesInPage = VhdxLayout.Page / 8;
    private readonly IDiskFile _file;
    private readonly VhdxMetadata _metadata;
    private readonly MetadataPages _pages;
    private readonly long _ratio;

    internal BlockTable(IDiskFile file, VhdxLog? log, VhdxRegions regions, VhdxMetadata metadata)
    {
        _file = file;
        _metadata = metadata;
        _ratio = metadata.ChunkRatio;
        _pages = new MetadataPages(file, log, regions.BatOffset, checked((int)(regions.BatLength / VhdxLayout.Page)), MostPages);
    }

    internal BatEntry Payload(long block)
    {
        var index = PayloadIndex(block);
#if PLANTED_BatReader || PLANTED_BatBoth
        index++;
#endif
        return Checked(index, Entry(index), _metadata.BlockSize);
    }

    /// <summary>The entry as a walk over the table of a file that nobody writes sees it: a walk through the pages would turn them all over.</summary>
    internal BatEntry Payload(long block, TableWindow window)
    {
        var index = PayloadIndex(block);
#if PLANTED_BatReader || PLANTED_BatBoth
        index++;
#endif
        return Checked(index, window.Entry(index), _metadata.BlockSize);
    }

    /// <summary>A window for one walk.</summary>
    internal TableWindow NewWindow() => new(_file, _pages.Offset(0), _metadata.BatEntries);

    internal void SetPayload(long block, BatEntry entry)
    {
        var index = PayloadIndex(block);
#if PLANTED_BatBoth
        index++;
#endif
        SetEntry(index, entry);
    }

    /// <summary>Where the sector bitmap of a chunk lies; 0 when there is none.</summary>
    internal long Bitmap(long chunk)
    {
        var index = BitmapIndex(chunk);
        var entry = Entry(index);
        return entry.State == BlockState.FullyPresent ? Checked(index, entry, VhdxLayout.SectorBitmapBlock).FileOffset : 0;
    }

    internal void SetBitmap(long chunk, long fileOffset) => SetEntry(BitmapIndex(chunk), new BatEntry(BlockState.FullyPresent, fileOffset));

    internal void ClearBitmap(long chunk) => SetEntry(BitmapIndex(chunk), default);

    /// <summary>How many blocks from <paramref name="block"/> on are "not present"; there may be more after them.</summary>
    internal long EmptyBlocksFrom(long block)
    {
        var index = PayloadIndex(block);
        var end = Math.Min(_metadata.BatEntries * 8, (index * 8) + LongestLook);
        var entries = (_pages.NextUsed(index * 8, end) / 8) - index;
        if (entries == 0) return 0;
        return Math.Min(BlockAtOrBefore(index + entries - 1), _metadata.PayloadBlocks - 1) - block + 1;
    }

    private long PayloadIndex(long block) => block + (block / _ratio);

    private long BitmapIndex(long chunk) => ((chunk + 1) * _ratio) + chunk;

    private long BlockAtOrBefore(long index)
    {
        var chunk = index / (_ratio + 1);
        return (chunk * _ratio) + Math.Min(index % (_ratio + 1), _ratio - 1);
    }

    private BatEntry Entry(long index) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(_pages[(int)(index / EntriesInPage)].AsSpan((int)(index % EntriesInPage) * 8)));

    private void SetEntry(long index, BatEntry entry)
    {
        var page = _pages.Edit((int)(index / EntriesInPage), MetadataOrder.Table);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan((int)(index % EntriesInPage) * 8), entry.Bits);
    }

    // The table was checked as a whole when the file was opened; this keeps a page that changed since from leading anywhere.
    private BatEntry Checked(long index, BatEntry entry, long size)
    {
        if (entry.IsPresent && (entry.FileOffset < VhdxLayout.Mebibyte || entry.FileOffset > _file.Length - size))
        {
            throw new DiskFormatException(_file.Path, "BAT", _pages.Offset(0) + (index * 8), $"entry {index} points to {entry.FileOffset}, outside the file");
        }
        return entry;
    }
}
