using System.Collections;

namespace Stillpoint.VirtualDisks;

/// <content>Giving space back.</content>
public sealed partial class VhdxDisk
{
    /// <inheritdoc/>
    public override long Compact(Action<long, long>? progress, CancellationToken cancel)
    {
        CheckWritable();
        if (_metadata.LeaveAllocated) return 0;
        if (_regions.HasOthers) throw new DiskFormatException(Path, "region table", VhdxLayout.RegionTableOffsets[0], "holds regions of others, so blocks cannot be moved");
        var before = _file.Length;
        var blocks = GiveUpZeroBlocks(progress, cancel);
        Flush();
        MoveIntoGaps(blocks, cancel);
        Flush();
        Cut();
        return before - _file.Length;
    }

    /// <summary>Looks at every block that is here.</summary>
    /// <returns>Those that stay, by their place in the file, last first.</returns>
    private List<(long Place, long Block)> GiveUpZeroBlocks(Action<long, long>? progress, CancellationToken cancel)
    {
        var stay = new List<(long Place, long Block)>();
        var buffer = new byte[VhdxLayout.Mebibyte];
        for (long block = 0; block < _metadata.PayloadBlocks;)
        {
            cancel.ThrowIfCancellationRequested();
            if (_table.EmptyBlocksFrom(block) is > 0 and var empty)
            {
                block += empty;
                continue;
            }
            var entry = _table.Payload(block);
            if (entry.State == BlockState.FullyPresent && IsZero(entry.FileOffset, buffer))
            {
                lock (_gate) _table.SetPayload(block, new BatEntry(_metadata.HasParent ? BlockState.Zero : BlockState.NotPresent, 0));
            }
            else if (entry.IsPresent)
            {
                stay.Add((entry.FileOffset, block));
            }
            if (_log!.Pending >= MostPending) Flush();
            block++;
            progress?.Invoke(block, _metadata.PayloadBlocks);
        }
        stay.Sort((a, b) => b.Place.CompareTo(a.Place));
        return stay;
    }

    private bool IsZero(long place, byte[] buffer)
    {
        for (var at = place; at < place + BlockSize; at += buffer.Length)
        {
            if (_file.NextData(at, at + buffer.Length) == at + buffer.Length) continue;
            _file.Read(at, buffer);
            if (buffer.AsSpan().ContainsAnyExcept((byte)0)) return false;
        }
        return true;
    }

    /// <summary>Copies the last block into the first gap that holds it, again and again. The old place is free only when the table says so durably.</summary>
    private void MoveIntoGaps(List<(long Place, long Block)> blocks, CancellationToken cancel)
    {
        var taken = TakenMebibytes();
        var size = (int)(BlockSize / VhdxLayout.Mebibyte);
        var buffer = new byte[VhdxLayout.Mebibyte];
        var gap = 0;
        foreach (var (place, block) in blocks)
        {
            cancel.ThrowIfCancellationRequested();
            gap = NextGap(taken, gap, size, (int)(place / VhdxLayout.Mebibyte));
            if (gap < 0) return;
            var target = gap * VhdxLayout.Mebibyte;
            for (long at = 0; at < BlockSize; at += buffer.Length)
            {
                _file.Read(place + at, buffer);
                _file.Write(target + at, buffer);
            }
            lock (_gate) _table.SetPayload(block, new BatEntry(_table.Payload(block).State, target));
            for (var i = 0; i < size; i++) taken[gap + i] = true;
            gap += size;
            if (_log!.Pending >= MostPending) Flush();
        }
    }

    private static int NextGap(BitArray taken, int from, int size, int before)
    {
        for (var free = 0; from < before; from++)
        {
            free = taken[from] ? 0 : free + 1;
            if (free == size) return from - size + 1;
        }
        return -1;
    }

    private void Cut()
    {
        var taken = TakenMebibytes();
        var last = taken.Length - 1;
        while (last > 0 && !taken[last]) last--;
        var end = (last + 1) * VhdxLayout.Mebibyte;
        if (end < _file.Length)
        {
            // A log entry demands the length that the file had: none may be left when it is cut.
            lock (_gate) _log!.Close();
            _file.SetLength(end);
            _file.Sync();
        }
    }

    private BitArray TakenMebibytes()
    {
        var taken = new BitArray(checked((int)(VhdxLayout.RoundUp(_file.Length, VhdxLayout.Mebibyte) / VhdxLayout.Mebibyte)));
        void Take(long offset, long length)
        {
            for (var mib = offset / VhdxLayout.Mebibyte; mib < (offset + length) / VhdxLayout.Mebibyte; mib++) taken[(int)mib] = true;
        }
        Take(0, VhdxLayout.Mebibyte);
        Take(_headers.Current.LogOffset, _headers.Current.LogLength);
        Take(_regions.BatOffset, _regions.BatLength);
        Take(_regions.MetadataOffset, _regions.MetadataLength);
        for (long block = 0; block < _metadata.PayloadBlocks;)
        {
            if (_table.EmptyBlocksFrom(block) is > 0 and var empty)
            {
                block += empty;
                continue;
            }
            if (_table.Payload(block++) is { IsPresent: true } entry) Take(entry.FileOffset, BlockSize);
        }
        for (long chunk = 0; _metadata.HasParent && chunk < _metadata.BitmapBlocks; chunk++)
        {
            if (_table.Bitmap(chunk) is > 0 and var place) Take(place, VhdxLayout.SectorBitmapBlock);
        }
        return taken;
    }
}
