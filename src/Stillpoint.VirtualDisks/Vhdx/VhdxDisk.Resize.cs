using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <content>Growing and shrinking.</content>
public sealed partial class VhdxDisk
{
    /// <inheritdoc/>
    public override void Resize(long length, bool discard = false, CancellationToken cancel = default)
    {
        CheckWritable();
        if (length is <= 0 or > VhdxLayout.LargestDisk || length % LogicalSectorSize != 0)
        {
            throw new ArgumentException($"a size of {length} bytes is not a multiple of the sector ({LogicalSectorSize}) up to 64 TiB", nameof(length));
        }
        if (length == Length) return;
        CheckCut(length, discard, cancel);
        RenewWriteId();
        var old = Length;
        if (length < old) DropBlocks(length, cancel);
        Flush();
        lock (_gate) SetLength(length, cancel);
        Flush();
    }

    /// <summary>Takes out what lies past the new end, so that a later growth does not show it again.</summary>
    private void DropBlocks(long length, CancellationToken cancel)
    {
        var first = (length + BlockSize - 1) / BlockSize;
        for (var block = first; block < _metadata.PayloadBlocks;)
        {
            cancel.ThrowIfCancellationRequested();
            var empty = _table.EmptyBlocksFrom(block);
            if (empty > 0)
            {
                block += empty;
                continue;
            }
            // Until the size says so, too, what is cut off may read as zero but never as what the parent holds there.
            lock (_gate) _table.SetPayload(block, new BatEntry(_metadata.HasParent ? BlockState.Zero : BlockState.NotPresent, 0));
            if (_log!.Pending >= MostPending) Flush();
            block++;
        }
        if (!_metadata.HasParent) return;
        for (var chunk = (first + _metadata.ChunkRatio - 1) / _metadata.ChunkRatio; chunk < _metadata.BitmapBlocks; chunk++)
        {
            if (_table.Bitmap(chunk) == 0) continue;
            lock (_gate) _table.ClearBitmap(chunk);
            _bitmaps.Forget(chunk);
        }
    }

    private void SetLength(long length, CancellationToken cancel)
    {
        var next = _metadata with { Length = length };
        var regions = _regions;
        var edit = new MetadataEdit(_file);
        if (next.BatEntries * 8 > regions.BatLength)
        {
            regions = MoveTable(next);
            var table = regions.ToBytes().AsSpan(0, VhdxLayout.Page);
            foreach (var at in VhdxLayout.RegionTableOffsets) edit.Write(at, table);
        }
        // The bytes of the old last block past the old end may be anything; new bytes must read as zero.
        if (length > Length) ClearTail(Length, length);
        if (next.LeaveAllocated) AllocateAll(next, regions, cancel);
        if (length > Length) HideWhatLiesBelow(Length, regions, next);
        Span<byte> size = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, length);
        edit.Write(VhdxMetadataItems.Load(_file, regions).Place(VhdxLayout.VirtualDiskSizeItem).ValueOffset, size);
        _log!.CommitTogether(edit.Pages);
        Use(regions, next);
    }

    /// <summary>Copies the BAT to a larger region at the end of the file; until the region table says so, it is nothing.</summary>
    private VhdxRegions MoveTable(VhdxMetadata next)
    {
        if (_regions.HasOthers) throw new DiskFormatException(Path, "region table", VhdxLayout.RegionTableOffsets[0], "holds regions of others, so the BAT cannot be moved");
        var length = VhdxLayout.RoundUp(next.BatEntries * 8, VhdxLayout.Mebibyte);
        var place = Allocate(length);
        var buffer = new byte[VhdxLayout.Mebibyte];
        for (long at = 0; at < _regions.BatLength; at += buffer.Length)
        {
            _file.Read(_regions.BatOffset + at, buffer);
            if (buffer.AsSpan().ContainsAnyExcept((byte)0)) _file.Write(place + at, buffer);
        }
        return _regions with { BatOffset = place, BatLength = checked((uint)length) };
    }

    private void ClearTail(long from, long to)
    {
        var within = from % BlockSize;
        if (within == 0) return;
        var entry = _table.Payload(from / BlockSize);
        if (!entry.IsPresent) return;
        var end = Math.Min(BlockSize, within + (to - from));
        for (var at = within; at < end; at += Zeros.Length)
        {
            _file.Write(entry.FileOffset + at, Zeros.AsSpan(0, (int)Math.Min(Zeros.Length, end - at)));
        }
    }

    /// <summary>A fixed disk has all its blocks. Entries past the old end count for nothing until the size says so.</summary>
    private void AllocateAll(VhdxMetadata next, VhdxRegions regions, CancellationToken cancel)
    {
        var table = new BlockTable(_file, _log, regions, next);
        for (var block = _metadata.PayloadBlocks; block < next.PayloadBlocks; block++)
        {
            cancel.ThrowIfCancellationRequested();
            table.SetPayload(block, new BatEntry(BlockState.FullyPresent, Allocate(BlockSize)));
            if (_log!.Pending >= MostPending) _log.Commit();
        }
        _log!.Commit();
    }

    /// <summary>Bytes of the parent past the child's former end were never part of it, and must not show, not even after a crash: so this comes
    /// before the size. Entries and bits past the old end count for nothing until then, and another growth writes them anew.</summary>
    private void HideWhatLiesBelow(long from, VhdxRegions regions, VhdxMetadata next)
    {
        if (_parent is null || _parent.Length <= from) return;
        Use(regions, next);
        Zero(from, Math.Min(next.Length, _parent.Length) - from);
        _log!.Commit();
    }
}
