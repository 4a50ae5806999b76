using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Called for each record of a scan.</summary>
/// <param name="header">Its header.</param>
/// <param name="offset">Where it starts in the pack.</param>
/// <param name="record">Header and content; gone when the call returns.</param>
internal delegate void RecordSeen(RecordHeader header, uint offset, ReadOnlyMemory<byte> record);

/// <summary>Reads a pack from its first record to its last, without its trailer.</summary>
internal static class PackScan
{
    private const int WindowBytes = 4 << 20;

    /// <summary>Calls <paramref name="sound"/> for each record whose checksum holds, in order. Where none starts it looks for the next.</summary>
    public static async Task RunAsync(IVolume volume, string name, long length, RecordSeen sound, CancellationToken cancel)
    {
        var window = GC.AllocateUninitializedArray<byte>(WindowBytes);
        long at = PackFormat.HeaderSize;
        while (at < length)
        {
            var filled = await volume.ReadAsync(name, at, window.AsMemory(0, (int)Math.Min(WindowBytes, length - at)), cancel);
            var last = at + filled >= length;
            var used = Take(window.AsMemory(0, filled), at, last, sound);
            if (last || used == 0) return;
            at += used;
        }
    }

    /// <summary>Bytes of the window that are done with.</summary>
    private static int Take(ReadOnlyMemory<byte> window, long at, bool last, RecordSeen sound)
    {
        var used = 0;
        while (used + StoreFormat.RecordHeaderSize <= window.Length)
        {
            if (PackFormat.TryReadRecordHeader(window.Span[used..], out var header))
            {
                var size = StoreFormat.RecordHeaderSize + header.StoredLength;
                var fits = used + size <= window.Length;
                // The rest of it is in the next window, where it comes first.
                if (!fits && !last && used > 0) return used;
                if (fits && PackFormat.IsSound(window.Span.Slice(used, size)))
                {
                    sound(header, checked((uint)(at + used)), window.Slice(used, size));
                    used += size;
                    continue;
                }
            }
            var next = window.Span[(used + 1)..].IndexOf(PackFormat.RecordStart);
            if (next < 0) return Math.Max(1, window.Length - PackFormat.RecordStart.Length);
            used += 1 + next;
        }
        return Math.Max(1, used);
    }
}
