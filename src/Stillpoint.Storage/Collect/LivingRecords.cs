using System.Runtime.CompilerServices;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Reads the records of one pack that something needs, neighbours in one read.</summary>
internal static class LivingRecords
{
    private const int WindowBytes = 4 << 20;

    /// <summary>Several times what a pack grows to.</summary>
    private const long MostHeld = 512L << 20;

    /// <summary>The records in the order of their places.</summary>
    /// <exception cref="Model.TroubleException">A record is not sound as it lies: what follows is not read.</exception>
    public static async IAsyncEnumerable<(RecordHeader Header, ReadOnlyMemory<byte> Content)> ReadAsync(
        IVolume volume, PackFile pack, IReadOnlyList<PackEntry> living, [EnumeratorCancellation] CancellationToken cancel)
    {
        for (var first = 0; first < living.Count;)
        {
            var start = living[first].Offset;
            var last = first;
            while (last + 1 < living.Count && End(living[last + 1]) - start <= WindowBytes) last++;
            var window = new byte[checked((int)(End(living[last]) - start))];
            if (await volume.ReadAsync(pack.Name, start, window, cancel) != window.Length)
                throw Damage.Of($"pack {pack.Name}", "it is shorter than its trailer says");
            for (; first <= last; first++)
            {
                var entry = living[first];
                var record = window.AsMemory((int)(entry.Offset - start), StoreFormat.RecordHeaderSize + entry.StoredLength);
                if (!PackFormat.TryReadRecordHeader(record.Span, out var header) || header.Id != entry.Id || header.StoredLength != entry.StoredLength
                    || !PackFormat.IsSound(record.Span)) throw Damage.Of($"pack {pack.Name}", $"its record at {entry.Offset} is not sound");
                yield return (header, record[StoreFormat.RecordHeaderSize..]);
            }
        }
    }

    /// <summary>All of them at once, for whoever writes none unless all are sound: what was written of a pack that turns out to be damaged would lie there
    /// beside it, and again after each collect.</summary>
    /// <exception cref="Model.TroubleException">A record is not sound as it lies, or the pack is larger than any that is written.</exception>
    public static async Task<IReadOnlyList<(RecordHeader Header, ReadOnlyMemory<byte> Content)>> LoadAsync(
        IVolume volume, PackFile pack, IReadOnlyList<PackEntry> living, CancellationToken cancel)
    {
        if (living.Sum(entry => (long)entry.StoredLength) > MostHeld) throw Damage.Of($"pack {pack.Name}", $"its records have more than {MostHeld} bytes");
        var all = new List<(RecordHeader, ReadOnlyMemory<byte>)>(living.Count);
        await foreach (var record in ReadAsync(volume, pack, living, cancel)) all.Add(record);
        return all;
    }

    private static long End(PackEntry entry) => (long)entry.Offset + StoreFormat.RecordHeaderSize + entry.StoredLength;
}
