using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Reads records and nodes of one key domain from their packs; neighbours in a pack come in one read. A collect may take a pack
/// away at any time once its content lies elsewhere: then the index is made anew and the read goes there.</summary>
/// <param name="volume">The volume.</param>
/// <param name="index">What the domain has.</param>
/// <param name="renew">Makes an index of what is there now.</param>
internal sealed class RecordReads(IVolume volume, DomainIndex index, Func<CancellationToken, Task<DomainIndex>> renew)
{
    /// <summary>Packs may go again while the index is made anew; not this often.</summary>
    private const int MostTries = 8;

    private DomainIndex _index = index;

    /// <summary>Gap that is read over rather than skipped, and the most that one read asks for.</summary>
    private const int Gap = 64 << 10, MostAtOnce = 4 << 20;

    public async Task<IReadOnlyList<SealedRecord>> RecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await ReadRecordsAsync(ids, cancel);
            }
            catch (FileNotFoundException e)
            {
                if (tries == MostTries) throw Damage.Of(e.Message, "it is gone", e);
                _index = await renew(cancel);
            }
        }
    }

    public async ValueTask<ReadOnlyMemory<byte>> NodeAsync(NodeId id, CancellationToken cancel)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await ReadNodeAsync(id, cancel);
            }
            catch (FileNotFoundException e)
            {
                if (tries == MostTries) throw Damage.Of(e.Message, "it is gone", e);
                _index = await renew(cancel);
            }
        }
    }

    private async Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel)
    {
        var wanted = new Wanted[ids.Count];
        var refreshed = false;
        for (var i = 0; i < wanted.Length; i++)
        {
            if (!_index.TryFind(ids[i], out var pack, out var location))
            {
                // A run that was found damaged in between is one more reason to read packs.
                if (refreshed && !_index.Incomplete) throw Damage.Of($"chunk {ids[i]}", "no pack of the storage unit holds it");
                _index = await renew(cancel);
                refreshed = true;
                i--;
                continue;
            }
            wanted[i] = new Wanted(i, pack, location);
        }
        Array.Sort(wanted, static (x, y) => x.Location.Pack != y.Location.Pack
            ? x.Location.Pack.CompareTo(y.Location.Pack)
            : x.Location.Offset.CompareTo(y.Location.Offset));
        var records = new SealedRecord[ids.Count];
        for (var first = 0; first < wanted.Length;)
        {
            var last = first;
            while (last + 1 < wanted.Length && wanted[last + 1].Location.Pack == wanted[first].Location.Pack
                && wanted[last + 1].Location.Offset <= End(wanted[last].Location) + Gap
                && End(wanted[last + 1].Location) - wanted[first].Location.Offset <= MostAtOnce) last++;
            await ReadRunAsync(wanted.AsMemory(first, last - first + 1), ids, records, cancel);
            first = last + 1;
        }
        return records;
    }

    private async ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel)
    {
        if (!_index.TryFind(id, out var pack, out var location))
        {
            do _index = await renew(cancel);
            while (!_index.TryFind(id, out pack, out location) && _index.Incomplete);
            if (pack is null) throw Damage.Of($"tree node {id}", "no pack of the storage unit holds it");
        }
        var bytes = await ReadAsync(pack, location.Offset, checked((int)(End(location) - location.Offset)), cancel);
        Check(bytes.Span, location, DomainIndex.AsChunk(id), $"tree node {id}");
        var content = bytes[StoreFormat.RecordHeaderSize..];
        return TreeNode.IdOf(content.Span) == id ? content : throw Damage.Of($"tree node {id}", "its bytes do not match its id");
    }

    private async Task ReadRunAsync(ReadOnlyMemory<Wanted> run, IReadOnlyList<ChunkId> ids, SealedRecord[] records, CancellationToken cancel)
    {
        var start = run.Span[0].Location.Offset;
        var pack = run.Span[0].Pack;
        var bytes = await ReadAsync(pack, start, checked((int)(End(run.Span[^1].Location) - start)), cancel);
        foreach (var (number, _, location) in run.Span)
        {
            var record = bytes.Slice(checked((int)(location.Offset - start)), StoreFormat.RecordHeaderSize + location.StoredLength);
            var header = Check(record.Span, location, ids[number], $"chunk {ids[number]}");
            records[number] = new SealedRecord(
                pack.Header.Salt, header.Number, pack.Header.Epoch, header.Id, header.PlainLength, header.Compressed, record[StoreFormat.RecordHeaderSize..]);
        }
    }

    private async ValueTask<Memory<byte>> ReadAsync(PackFile pack, long offset, int size, CancellationToken cancel)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(size);
        try
        {
            return await volume.ReadAsync(pack.Name, offset, bytes, cancel) == size
                ? bytes.AsMemory()
                : throw Damage.Of($"pack {pack.Name}", "it is shorter than its trailer says");
        }
        catch (IOException e) when (e is not FileNotFoundException)
        {
            throw UnitTrouble.Io(volume.Name, e);
        }
    }

    private static RecordHeader Check(ReadOnlySpan<byte> record, Location location, ChunkId id, string what)
    {
        if (!PackFormat.TryReadRecordHeader(record, out var header) || header.StoredLength != location.StoredLength)
            throw Damage.Of(what, "no record starts where the trailer of its pack says");
        if (!PackFormat.IsSound(record)) throw Damage.Of(what, "the checksum of its record does not match");
        return header.Id == id ? header : throw Damage.Of(what, "another record lies in its place");
    }

    private static long End(Location location) => (long)location.Offset + StoreFormat.RecordHeaderSize + location.StoredLength;

    private readonly record struct Wanted(int Number, PackFile Pack, Location Location);
}
