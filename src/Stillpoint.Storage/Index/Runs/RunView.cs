using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>A run as one domain index sees it: which of its packs count, and under which numbers.</summary>
/// <param name="run">The run.</param>
/// <param name="numbers">For each of its packs the number in the index, or -1 for one that is not on the volume any more.</param>
/// <param name="standing">How a record at an offset of a pack stands.</param>
internal sealed class RunView(IndexRun run, int[] numbers, Func<PackFile, uint, Standing> standing)
{
    private readonly Lazy<Dictionary<string, int>> _rows = new(
        () => Enumerable.Range(0, numbers.Length).Where(i => numbers[i] >= 0).ToDictionary(i => run.Packs[i].File.Name));

    public IndexRun Run => run;

    /// <summary>The packs that count.</summary>
    public IEnumerable<RunPack> Packs => run.Packs.Where((_, i) => numbers[i] >= 0);

    /// <summary>Whether it says of a pack just what the pack says itself; null when it does not speak of it.</summary>
    public bool? Agrees(PackFile pack, IReadOnlyList<PackEntry> entries)
    {
        if (!_rows.Value.TryGetValue(pack.Name, out var row)) return null;
        var (file, records) = run.Packs[row];
        if (records != entries.Count || file.Header.Epoch != pack.Header.Epoch || file.Header.Session != pack.Header.Session) return false;
        if (!file.Header.Salt.Span.SequenceEqual(pack.Header.Salt.Span)) return false;
        var cursor = new RunCursor(run, stackalloc byte[RunFormat.PageSize]);
        foreach (var entry in entries)
            if (!Has(ref cursor, row, entry)) return false;
        return true;
    }

    /// <summary>Looks for chunks in ascending order of their ids; sets <paramref name="found"/> for each that has a good copy.</summary>
    /// <param name="ids">All ids.</param>
    /// <param name="order">Which of them to look for.</param>
    /// <param name="found">One for each id.</param>
    public void Find(IReadOnlyList<ChunkId> ids, ReadOnlySpan<int> order, bool[] found)
    {
        var cursor = new RunCursor(run, stackalloc byte[RunFormat.PageSize]);
        foreach (var i in order)
            if (!found[i]) found[i] = First(ref cursor, PackKind.Data, ids[i], Standing.Good) is not null;
    }

    /// <summary>Where a copy lies that stands so.</summary>
    public (PackFile Pack, Location Location)? Find(PackKind kind, ChunkId id, Standing wanted)
    {
        var cursor = new RunCursor(run, stackalloc byte[RunFormat.PageSize]);
        return First(ref cursor, kind, id, wanted) is { } hit
            ? (run.Packs[hit.Pack].File, new Location(numbers[hit.Pack], hit.Offset, hit.StoredLength))
            : null;
    }

    private static bool Has(ref RunCursor cursor, int row, PackEntry entry)
    {
        var wanted = new RunEntry(RunKey.Of(entry.Id), row, entry.Offset, entry.StoredLength);
        for (var more = cursor.First(wanted.Key); more; more = cursor.Next())
            if (cursor.Current == wanted) return true;
        return false;
    }

    private RunEntry? First(ref RunCursor cursor, PackKind kind, ChunkId id, Standing wanted)
    {
        for (var more = cursor.First(RunKey.Of(id)); more; more = cursor.Next())
        {
            var hit = cursor.Current;
            if (numbers[hit.Pack] < 0) continue;
            var pack = run.Packs[hit.Pack].File;
            if (pack.Header.Kind == kind && standing(pack, hit.Offset) == wanted) return hit;
        }
        return null;
    }
}
