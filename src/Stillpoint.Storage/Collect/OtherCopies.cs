using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Proves, before a pack goes, that what images need of it lies where the index says that it lies too. A run of the index is a cache and must
/// not be what a deletion rests on: here the other pack is asked itself.
/// </summary>
/// <param name="unit">The unit.</param>
/// <param name="index">The index that the mark was made with.</param>
/// <param name="needed">The copies that the mark prefers.</param>
internal sealed class OtherCopies(StorageUnit unit, DomainIndex index, MarkSet needed)
{
    /// <summary>Trailers that are kept for the next pack.</summary>
    private const int Kept = 64;

    private readonly Dictionary<string, HashSet<(ChunkId Id, uint Offset)>> _trailers = new(StringComparer.Ordinal);

    /// <summary>False when an image needs one of these records and the copy that it would be read from is not there, or a run says otherwise
    /// than the packs, so that nobody can tell.</summary>
    /// <param name="pack">The pack that is to go.</param>
    /// <param name="entries">What its own trailer says.</param>
    /// <param name="cancel">Ends the work.</param>
    public async Task<bool> StandInAsync(PackFile pack, IReadOnlyList<PackEntry> entries, CancellationToken cancel)
    {
        index.Prove(pack, entries);
        foreach (var entry in entries)
        {
            if (index.Locate(pack.Header.Kind, entry.Id, out var other, out var location) == Standing.Absent) continue;
            if (other.Name == pack.Name || !needed.Contains(location.Pack, location.Offset)) continue;
            if (!(await TrailerAsync(other, cancel)).Contains((entry.Id, location.Offset))) return false;
        }
        return !index.Incomplete;
    }

    private async Task<HashSet<(ChunkId Id, uint Offset)>> TrailerAsync(PackFile pack, CancellationToken cancel)
    {
        if (_trailers.TryGetValue(pack.Name, out var known)) return known;
        if (_trailers.Count == Kept) _trailers.Clear();
        HashSet<(ChunkId, uint)> entries = [];
        try
        {
            var (_, records, _) = await PackFile.LoadAsync(unit.Volume, new VolumeEntry(pack.Name, pack.Length), unit.Parameters.UnitId, cancel);
            index.Prove(pack, records);
            entries = [.. records.Select(record => (record.Id, record.Offset))];
        }
        catch (Exception e) when (e is TroubleException or FileNotFoundException)
        {
            // It proves nothing, so the pack that it would stand in for stays.
        }
        return _trailers[pack.Name] = entries;
    }
}
