using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Reads one pack whole and checks every record.</summary>
/// <param name="volume">The volume.</param>
/// <param name="unit">The unit's parameters.</param>
/// <param name="index">The index of its domain, which is held against it.</param>
/// <param name="opener">Opens records; null looks at stored bytes only.</param>
internal sealed class PackVerify(IVolume volume, UnitParameters unit, DomainIndex index, RecordOpener? opener)
{
    private const int WindowBytes = 4 << 20;

    /// <summary>What one pack gave.</summary>
    /// <param name="Bad">Offsets of the records that are not sound.</param>
    /// <param name="Short">Chunks whose plain length is not the unit's chunk size.</param>
    /// <param name="Damage">What is wrong.</param>
    /// <param name="Lost">True when none of its records can be had.</param>
    internal sealed record Result(PackFile Pack, long Records, HashSet<uint> Bad, Dictionary<ChunkId, int> Short, List<PackDamage> Damage, bool Lost = false);

    /// <summary>What is wrong with a pack; of which record, when it is one's.</summary>
    internal sealed record PackDamage(string Text, ChunkId? Record = null);

    public async Task<Result> RunAsync(PackFile pack, CancellationToken cancel)
    {
        var (_, entries, trailerSound) = await PackFile.LoadAsync(volume, new VolumeEntry(pack.Name, pack.Length), unit.UnitId, cancel);
        index.Prove(pack, entries);
        var result = new Result(pack, entries.Length, [], [], []);
        if (!trailerSound) result.Damage.Add(new PackDamage($"pack {pack.Name}: its trailer is missing or damaged; {entries.Length} records were found without it."));
        var window = GC.AllocateUninitializedArray<byte>(WindowBytes);
        var plain = new byte[StoreFormat.MaxChunkSize];
        for (var first = 0; first < entries.Length;)
        {
            var start = entries[first].Offset;
            var last = first;
            while (last + 1 < entries.Length && End(entries[last + 1]) - start <= WindowBytes) last++;
            var filled = await volume.ReadAsync(pack.Name, start, window.AsMemory(0, (int)(End(entries[last]) - start)), cancel);
            for (; first <= last; first++)
            {
                var entry = entries[first];
                var from = (int)(entry.Offset - start);
                var size = StoreFormat.RecordHeaderSize + entry.StoredLength;
                if (from + size > filled) Bad(result, entry, "the pack ends before it");
                else Check(result, entry, window.AsMemory(from, size), plain);
            }
        }
        return result;
    }

    private void Check(Result result, PackEntry entry, ReadOnlyMemory<byte> record, byte[] plain)
    {
        var pack = result.Pack.Header;
        if (!PackFormat.TryReadRecordHeader(record.Span, out var header) || header.Id != entry.Id || header.StoredLength != entry.StoredLength)
        {
            Bad(result, entry, "its header is not what the trailer says");
            return;
        }
        if (!PackFormat.IsSound(record.Span))
        {
            Bad(result, entry, "its checksum does not match");
            return;
        }
        var content = record[StoreFormat.RecordHeaderSize..];
        try
        {
            if (pack.Kind == PackKind.Nodes)
            {
                var id = new NodeId(entry.Id.A, entry.Id.B, entry.Id.C, entry.Id.D);
                if (TreeNode.IdOf(content.Span) != id) throw Damage.Of($"tree node {id}", "its bytes do not match its id");
                TreeNode.Check(id, content);
                return;
            }
            if (header.PlainLength != unit.ChunkSize) result.Short[entry.Id] = header.PlainLength;
            var sealedRecord = new SealedRecord(pack.Salt, header.Number, pack.Epoch, header.Id, header.PlainLength, header.Compressed, content);
            opener?.OpenAndProve(sealedRecord, entry.Id, plain.AsSpan(0, header.PlainLength));
        }
        catch (TroubleException e)
        {
            Bad(result, entry, e.Trouble.Message);
        }
    }

    private static void Bad(Result result, PackEntry entry, string why)
    {
        result.Bad.Add(entry.Offset);
        result.Damage.Add(new PackDamage($"pack {result.Pack.Name}: record {entry.Id} at {entry.Offset}: {why}", entry.Id));
    }

    private static long End(PackEntry entry) => entry.Offset + StoreFormat.RecordHeaderSize + (long)entry.StoredLength;
}
