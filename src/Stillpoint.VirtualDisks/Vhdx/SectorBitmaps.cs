using System.Collections.Concurrent;

namespace Stillpoint.VirtualDisks;

/// <summary>The sector bitmaps of a differencing file (MS-VHDX 2.5.1.2): which sectors of a partially present block this file holds.</summary>
internal sealed class SectorBitmaps(IDiskFile file, VhdxLog? log, VhdxMetadata metadata, BlockTable table)
{
    private const int PagesInBlock = (int)(VhdxLayout.SectorBitmapBlock / VhdxLayout.Page);
    private const int MostPages = 1024;
    private const int BitsInPage = VhdxLayout.Page * 8;
    private readonly ConcurrentDictionary<long, MetadataPages> _chunks = new();
    private readonly Lock _gate = new();

    /// <summary>How many sectors from <paramref name="sector"/> of the block on are in the same place, up to <paramref name="end"/>.</summary>
    /// <returns>Sectors, and whether this file holds them.</returns>
    internal (int Sectors, bool Here) Run(long block, int sector, int end)
    {
        var pages = Chunk(block);
        var first = FirstBit(block);
        var here = IsSet(Byte(pages, first + sector), first + sector);
        var at = sector + 1;
        var same = here ? (byte)0xFF : (byte)0;
        while (at < end)
        {
            var bit = first + at;
            if (bit % 8 == 0 && end - at >= 8)
            {
                var rest = Slice(pages, bit, end - at);
                var different = rest.IndexOfAnyExcept(same);
                var whole = different < 0 ? rest.Length : different;
                at += whole * 8;
                if (different < 0) continue;
                bit = first + at;
            }
            if (IsSet(Byte(pages, bit), bit) != here) break;
            at++;
        }
        return (at - sector, here);
    }

    internal void Set(long block, int sector, int count, bool here)
    {
        // A reader that lets go of clean pages must not do so between our look-up and our edit.
        lock (_gate)
        {
            var pages = Chunk(block);
            var bit = FirstBit(block) + sector;
            for (var end = bit + count; bit < end;)
            {
                var inPage = Math.Min(end - bit, BitsInPage - (bit % BitsInPage));
                SetInPage(pages.Edit((int)(bit / BitsInPage), MetadataOrder.Bitmap), (int)(bit % BitsInPage), (int)inPage, here);
                bit += inPage;
            }
        }
    }

    internal bool IsComplete(long block) => Run(block, 0, metadata.SectorsPerBlock) is (var n, true) && n == metadata.SectorsPerBlock;

    /// <summary>Forgets what was read of a chunk's bitmap, because it moved.</summary>
    internal void Forget(long chunk) => _chunks.TryRemove(chunk, out _);

    private static void SetInPage(byte[] page, int bit, int count, bool here)
    {
        for (var end = bit + count; bit < end;)
        {
            if (bit % 8 == 0 && end - bit >= 8)
            {
                page.AsSpan(bit / 8, (end - bit) / 8).Fill(here ? (byte)0xFF : (byte)0);
                bit += (end - bit) / 8 * 8;
                continue;
            }
            ref var target = ref page[bit / 8];
            target = (byte)(here ? target | MaskToWrite(bit) : target & ~MaskToWrite(bit));
            bit++;
        }
    }

    private static bool IsSet(byte bits, long bit)
    {
        var place = (int)(bit % 8); // bit k of byte j is sector 8j + k
#if PLANTED_SectorBitmapReader || PLANTED_SectorBitmapBoth
        place = 7 - place;
#endif
        return ((bits >> place) & 1) != 0;
    }

    private static int MaskToWrite(long bit)
    {
        var place = (int)(bit % 8);
#if PLANTED_SectorBitmapBoth
        place = 7 - place;
#endif
        return 1 << place;
    }

    private static byte Byte(MetadataPages pages, long bit) => pages[(int)(bit / 8 / VhdxLayout.Page)][(int)(bit / 8 % VhdxLayout.Page)];

    /// <summary>Whole bytes from <paramref name="bit"/> on, as far as the page and the count reach.</summary>
    private static ReadOnlySpan<byte> Slice(MetadataPages pages, long bit, int bits)
    {
        var at = (int)(bit / 8 % VhdxLayout.Page);
        return pages[(int)(bit / 8 / VhdxLayout.Page)].AsSpan(at, Math.Min(VhdxLayout.Page - at, bits / 8));
    }

    private long FirstBit(long block) => block % metadata.ChunkRatio * metadata.SectorsPerBlock;

    private MetadataPages Chunk(long block)
    {
        var chunk = block / metadata.ChunkRatio;
        if (_chunks.TryGetValue(chunk, out var there)) return there;
        var offset = table.Bitmap(chunk);
        if (offset == 0) throw new DiskFormatException(file.Path, "BAT", 0, $"block {block} is partially present, but its chunk has no sector bitmap");
        if (_chunks.Values.Sum(c => c.Loaded) > MostPages) LetGo();
        return _chunks.GetOrAdd(chunk, new MetadataPages(file, log, offset, PagesInBlock, PagesInBlock));
    }

    private void LetGo()
    {
        lock (_gate)
        {
            foreach (var (chunk, pages) in _chunks)
            {
                if (!pages.HasDirty()) _chunks.TryRemove(chunk, out _);
            }
        }
    }
}
