using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Makes runs of a domain's index: from packs, by sorting their trailers, and from smaller runs, by merging. What is made becomes
/// visible whole or not at all.</summary>
/// <param name="files">The unit's runs.</param>
/// <param name="domain">The domain.</param>
/// <param name="newId">Source of run ids.</param>
internal sealed class RunBuild(RunFiles files, Guid domain, Func<Guid> newId)
{
    /// <summary>Entries that are sorted in memory, 32 bytes each.</summary>
    public const int MostSorted = 1 << 20;

    /// <summary>Packs read at once.</summary>
    public const int PacksAtOnce = 16;

    /// <summary>Makes runs of at most about <see cref="MostSorted"/> entries from packs that the volume lists and whose names were synced.
    /// A pack that cannot be read, or whose trailer is damaged, is left out.</summary>
    /// <returns>The runs' objects.</returns>
    public async Task<IReadOnlyList<string>> FromPacksAsync(IReadOnlyList<VolumeEntry> packs, CancellationToken cancel)
    {
        var made = new List<string>();
        var entries = new List<RunEntry>();
        var table = new List<RunPack>();
        foreach (var some in packs.Chunk(PacksAtOnce))
        {
            foreach (var loaded in await Task.WhenAll(some.Select(pack => LoadAsync(pack, cancel))))
            {
                if (loaded is not var (pack, records)) continue;
                if (table.Count > 0 && (entries.Count + records.Length > MostSorted || table.Count == RunFormat.MaxPacks))
                    made.Add(await SortAsync(entries, table, cancel));
                foreach (var record in records) entries.Add(new RunEntry(RunKey.Of(record.Id), table.Count, record.Offset, record.StoredLength));
                table.Add(new RunPack(pack, records.Length));
            }
        }
        if (table.Count > 0) made.Add(await SortAsync(entries, table, cancel));
        return made;
    }

    /// <summary>Makes one run of what several hold of the packs that they are asked for.</summary>
    /// <param name="parts">The runs, and for each which of its packs count; no pack counts in two of them.</param>
    /// <param name="progress">Entries merged so far.</param>
    /// <param name="cancel">Ends the work, which leaves nothing.</param>
    /// <returns>The run's object.</returns>
    /// <exception cref="TroubleException">One of the runs is damaged.</exception>
    public async Task<string> MergeAsync(IReadOnlyList<(IndexRun Run, bool[] Counts)> parts, IProgress<long>? progress, CancellationToken cancel)
    {
        var table = new List<RunPack>();
        var queue = new PriorityQueue<MergePart, RunKey>();
        foreach (var (run, counts) in parts)
        {
            var part = new MergePart(run, Numbers(run, counts, table));
            if (part.MoveNext()) queue.Enqueue(part, part.Current.Key);
        }
        var id = newId();
        await using var writer = await RunWriter.CreateAsync(files.Volume, files.Unit, domain, id, cancel);
        long done = 0;
        while (queue.TryPeek(out var first, out _))
        {
            done++;
            if (writer.Append(first.Current))
            {
                await writer.DrainAsync(cancel);
                progress?.Report(done);
            }
            if (first.MoveNext()) queue.DequeueEnqueue(first, first.Current.Key);
            else queue.Dequeue();
        }
        await writer.CompleteAsync(table, cancel);
        return writer.Name;
    }

    private static int[] Numbers(IndexRun run, bool[] counts, List<RunPack> table)
    {
        var numbers = new int[run.Packs.Count];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = counts[i] ? table.Count : -1;
            if (counts[i]) table.Add(run.Packs[i]);
        }
        return numbers;
    }

    private async Task<(PackFile Pack, PackEntry[] Records)?> LoadAsync(VolumeEntry entry, CancellationToken cancel)
    {
        try
        {
            var (pack, records, sound) = await PackFile.LoadAsync(files.Volume, entry, files.Unit, cancel);
            return sound ? (pack, records) : null;
        }
        catch (Exception e) when (e is TroubleException or FileNotFoundException)
        {
            return null;
        }
    }

    private async Task<string> SortAsync(List<RunEntry> entries, List<RunPack> table, CancellationToken cancel)
    {
        entries.Sort();
        await using var writer = await RunWriter.CreateAsync(files.Volume, files.Unit, domain, newId(), cancel);
        foreach (var entry in entries)
            if (writer.Append(entry)) await writer.DrainAsync(cancel);
        await writer.CompleteAsync(table, cancel);
        entries.Clear();
        table.Clear();
        return writer.Name;
    }

    /// <summary>A run in a merge: its entries of the packs that count, under their numbers in the new run.</summary>
    private sealed class MergePart(IndexRun run, int[] numbers)
    {
        private readonly RunScan _scan = new(run);

        public RunEntry Current { get; private set; }

        public bool MoveNext()
        {
            while (_scan.MoveNext())
            {
                if (numbers[_scan.Current.Pack] is not (>= 0 and var number)) continue;
                Current = _scan.Current with { Pack = number };
                return true;
            }
            return false;
        }
    }
}
