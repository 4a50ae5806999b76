namespace Stillpoint.VirtualDisks;

/// <content>Where written bytes go.</content>
public sealed partial class VhdxDisk
{
    private static readonly byte[] Zeros = new byte[1 << 20];

    /// <summary>The first write of a session gives the content a new identity, so that a child linked to the old one no longer opens.</summary>
    private void RenewWriteId()
    {
        if (_writeIdIsNew) return;
        lock (_gate)
        {
            if (_writeIdIsNew) return;
            _headers.UpdateBoth(_headers.Current with { FileWriteId = _newId!(), DataWriteId = _newId() });
            _writeIdIsNew = true;
        }
    }

    internal void KeepWriteId() => _writeIdIsNew = true;

    /// <summary>Where the block's bytes lie, when this file alone decides them; space is taken if need be.</summary>
    /// <returns>0 when the block is, or would be, shared with the parent.</returns>
    private long PlaceOfWholeBlock(long block)
    {
        var entry = _table.Payload(block);
        if (entry.State == BlockState.FullyPresent) return entry.FileOffset;
        lock (_gate)
        {
            entry = _table.Payload(block);
            if (entry.State == BlockState.FullyPresent) return entry.FileOffset;
            if (entry.State == BlockState.PartiallyPresent || (entry.State == BlockState.NotPresent && _metadata.HasParent)) return 0;
            // New space reads as zero, as the block did; so it may be seen before it is written.
            var place = Allocate(_metadata.BlockSize);
            _table.SetPayload(block, new BatEntry(BlockState.FullyPresent, place));
            return place;
        }
    }

    /// <summary>Writes part of a block that the parent has a say in. Bits follow the bytes, so that a sector is the old or the new one.</summary>
    private void WriteOverParent(long block, int within, ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            var entry = _table.Payload(block);
            if (entry.State == BlockState.FullyPresent)
            {
                _file.Write(entry.FileOffset + within, bytes);
                return;
            }
            if (entry.State == BlockState.NotPresent && bytes.Length == _metadata.BlockSize)
            {
                var place = Allocate(_metadata.BlockSize);
                _file.Write(place, bytes);
                _table.SetPayload(block, new BatEntry(BlockState.FullyPresent, place));
                return;
            }
            if (entry.State == BlockState.NotPresent) entry = TakePartialBlock(block);
            WriteSectors(entry, block, within, bytes);
            if (_bitmaps.IsComplete(block)) _table.SetPayload(block, new BatEntry(BlockState.FullyPresent, entry.FileOffset));
        }
    }

    private BatEntry TakePartialBlock(long block)
    {
        var chunk = block / _metadata.ChunkRatio;
        if (_table.Bitmap(chunk) == 0)
        {
            _table.SetBitmap(chunk, Allocate(VhdxLayout.SectorBitmapBlock));
            _bitmaps.Forget(chunk);
        }
        // The block may have been here before: bits of that time would show its bytes.
        _bitmaps.Set(block, 0, _metadata.SectorsPerBlock, here: false);
        var entry = new BatEntry(BlockState.PartiallyPresent, Allocate(_metadata.BlockSize));
        _table.SetPayload(block, entry);
        return entry;
    }

    private void WriteSectors(BatEntry entry, long block, int within, ReadOnlySpan<byte> bytes)
    {
        var size = _metadata.LogicalSectorSize;
        Span<byte> sectorBytes = stackalloc byte[size];
        while (bytes.Length > 0)
        {
            var sector = within / size;
            var skip = within % size;
            int n;
            if (skip == 0 && bytes.Length >= size)
            {
                n = bytes.Length / size * size;
                _file.Write(entry.FileOffset + within, bytes[..n]);
                _bitmaps.Set(block, sector, n / size, here: true);
            }
            else
            {
                n = Math.Min(size - skip, bytes.Length);
                ReadPartial(entry, block, sector * size, sectorBytes);
                bytes[..n].CopyTo(sectorBytes[skip..]);
                _file.Write(entry.FileOffset + (sector * size), sectorBytes);
                _bitmaps.Set(block, sector, 1, here: true);
            }
            within += n;
            bytes = bytes[n..];
        }
    }

    private void ZeroInBlock(long block, long within, long length, bool whole)
    {
        lock (_gate)
        {
            var entry = _table.Payload(block);
            var decides = entry.IsPresent || (entry.State == BlockState.NotPresent && _metadata.HasParent);
            if (!decides) return; // reads as zero already
            if (whole && !_metadata.LeaveAllocated)
            {
                _table.SetPayload(block, new BatEntry(_metadata.HasParent ? BlockState.Zero : BlockState.NotPresent, 0));
                return;
            }
        }
        if (entryIsHole(block, within, length)) return;
        for (var at = (block * _metadata.BlockSize) + within; length > 0;)
        {
            var n = (int)Math.Min(length, Zeros.Length);
            Write(at, Zeros.AsSpan(0, n));
            at += n;
            length -= n;
        }

        bool entryIsHole(long b, long start, long count)
        {
            var entry = _table.Payload(b);
            return entry.State == BlockState.FullyPresent
                && _file.NextData(entry.FileOffset + start, entry.FileOffset + start + count) == entry.FileOffset + start + count;
        }
    }

    /// <summary>New space at the end of the file, which reads as zero.</summary>
    private long Allocate(long size)
    {
        var place = VhdxLayout.RoundUp(_file.Length, VhdxLayout.Mebibyte);
        _file.SetLength(checked(place + size));
        return place;
    }
}
