using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Reads one pack whole and checks every record.</summary>
/// <param name="volume">The volume.</param>
/// <param name="unit">The unit's parameters.</param>
/// <param name="index">The index of its domain, which is held against it.</param>
/// <param name="opener">Opens records; null looks at stored bytes only.</param>
/// <param name="limit">Keeps a rate; null for none.</param>
internal sealed class PackVerify(IVolume volume, UnitParameters unit, DomainIndex index, RecordOpener? opener, RateLimit? limit = null)
{
    private const int WindowBytes = 4 << 20;

    /// <summary>What one pack gave.</summary>
    /// <param name="Bad">Offsets of the records that are not sound.</param>
    /// <param name="Short">Chunks whose plain length is not the unit's chunk size.</param>
    /// <param name="Damage">What is wrong.</param>
    /// <param name="Lost">True when none of its records can be had.</param>
    /// <param name="Skipped">True when it was not read this time.</param>
    /// <param name="LengthsKnown">False when <paramref name="Short"/> says nothing.</param>
    internal sealed record Result(
        PackFile Pack, long Records, HashSet<uint> Bad, Dictionary<ChunkId, int> Short, List<PackDamage> Damage, bool Lost = false, bool Skipped = false,
        bool LengthsKnown = true)
    {
        /// <summary>A pack of which nothing can be had.</summary>
        public static Result Gone(PackFile pack, string why) => new(pack, 0, [], [], [new PackDamage(why)], Lost: true);

        /// <summary>A pack that an earlier verify found sound.</summary>
        public static Result Known(PackFile pack, SoundPack known) => new(pack, 0, [], new Dictionary<ChunkId, int>(known.Short), [], Skipped: true);

        /// <summary>A pack that is looked at for presence only.</summary>
        public static Result Unread(PackFile pack) => new(pack, 0, [], [], [], Skipped: true, LengthsKnown: false);
    }

    /// <summary>What is wrong with a pack; of which record, when it is one's; and whether its content is another than its id says.</summary>
    internal sealed record PackDamage(string Text, ChunkId? Record = null, bool FalseContent = false);

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
            if (limit is not null) await limit.WaitAsync(End(entries[last]) - start, cancel);
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
            if (opener is null) return;
            opener.Open(sealedRecord, entry.Id, plain.AsSpan(0, header.PlainLength));
            if (!opener.Proves(entry.Id, plain.AsSpan(0, header.PlainLength))) Bad(result, entry, "its content does not match its id", falseContent: true);
        }
        catch (TroubleException e)
        {
            Bad(result, entry, e.Trouble.Message);
        }
    }

    private static void Bad(Result result, PackEntry entry, string why, bool falseContent = false)
    {
        result.Bad.Add(entry.Offset);
        result.Damage.Add(new PackDamage($"pack {result.Pack.Name}: record {entry.Id} at {entry.Offset}: {why}", entry.Id, falseContent));
    }

    private static long End(PackEntry entry) => (long)entry.Offset + StoreFormat.RecordHeaderSize + entry.StoredLength;
}
