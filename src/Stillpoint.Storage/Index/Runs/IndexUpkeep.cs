using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>What the upkeep of an index found and left.</summary>
/// <param name="Runs">Runs that there are now.</param>
/// <param name="Made">Runs that were made.</param>
/// <param name="Removed">Runs that were removed, because others hold all that they held or because they were damaged.</param>
/// <param name="Packs">Packs that the runs answer for.</param>
/// <param name="Entries">Their records.</param>
/// <param name="Loose">Packs that no run answers for: each is read whenever the unit is opened.</param>
/// <param name="Damaged">Runs that were damaged, and how.</param>
public sealed record IndexReport(int Runs, int Made, int Removed, long Packs, long Entries, int Loose, IReadOnlyList<string> Damaged)
{
    /// <summary>What two domains give together.</summary>
    public static IndexReport operator +(IndexReport one, IndexReport two)
    {
        ArgumentNullException.ThrowIfNull(one);
        ArgumentNullException.ThrowIfNull(two);
        return new(
            one.Runs + two.Runs, one.Made + two.Made, one.Removed + two.Removed, one.Packs + two.Packs, one.Entries + two.Entries,
            one.Loose + two.Loose, [.. one.Damaged, .. two.Damaged]);
    }

    /// <summary>The same as the operator.</summary>
    public static IndexReport Add(IndexReport one, IndexReport two) => one + two;
}

/// <summary>How far the upkeep goes.</summary>
internal enum UpkeepDepth
{
    /// <summary>What a session does at its end: runs for loose packs when there are many, and merges that pay.</summary>
    WhenDue,

    /// <summary>One run over all packs.</summary>
    Full,

    /// <summary>One run over all packs, made from the packs alone.</summary>
    Rebuild,
}

/// <summary>
/// Keeps the runs of a domain's index few: packs that no run covers are sorted into one, and a run is merged with the next larger as long as
/// that one is not more than twice as large as all below it together, so their number grows with the logarithm of the unit. Runs are a cache:
/// whatever dies here, and whoever does the same at the same time, leaves packs as they are and at worst a run too many.
/// </summary>
/// <param name="files">The unit's runs.</param>
/// <param name="domain">The domain.</param>
/// <param name="newId">Source of run ids.</param>
internal sealed class IndexUpkeep(RunFiles files, Guid domain, Func<Guid> newId)
{
    /// <summary>Loose packs from which a run is made: reading this many trailers is what a start may cost.</summary>
    public const int MostLoose = 256;

    private readonly RunBuild _build = new(files, domain, newId);
    private readonly List<string> _damaged = [];
    private int _made;
    private int _removed;

    /// <exception cref="IOException">The volume failed; what was there before is as good as it was.</exception>
    public async Task<IndexReport> RunAsync(UpkeepDepth depth, IProgress<long>? progress, CancellationToken cancel)
    {
        if (depth == UpkeepDepth.Rebuild)
            foreach (var entry in await files.ListAsync(domain, cancel)) await RemoveAsync(entry.Name, cancel);
        var (parts, loose) = await LookAsync(cancel);
        try
        {
            if (loose.Count >= MostLoose || (depth != UpkeepDepth.WhenDue && loose.Count > 0))
            {
                var made = await _build.FromPacksAsync(loose, cancel);
                _made += made.Count;
                Close(parts);
                (parts, loose) = await LookAsync(cancel);
            }
            var due = Due(parts, depth != UpkeepDepth.WhenDue);
            if (due.Count > 0)
            {
                await MergeAsync(due, progress, cancel);
                Close(parts);
                (parts, loose) = await LookAsync(cancel);
            }
            return new IndexReport(
                parts.Count, _made, _removed, parts.Sum(part => (long)part.Counts.Count(counts => counts)), parts.Sum(part => part.Live),
                loose.Count, _damaged);
        }
        finally
        {
            Close(parts);
        }
    }

    /// <summary>The runs to merge: with the smallest first, each that is not more than twice as large as those before it together.</summary>
    internal static List<RunPart> Due(IReadOnlyList<RunPart> parts, bool all)
    {
        var due = new List<RunPart>();
        long sum = 0;
        foreach (var part in parts.OrderBy(p => p.Live))
        {
            if (!all && due.Count > 0 && part.Live > sum * 2) break;
            due.Add(part);
            sum += part.Live;
        }
        // One run alone is made anew when more than half of it is of packs that are gone.
        var stale = parts.Where(part => part.Run.Entries - part.Live > (all ? 0 : part.Live)).ToList();
        return due.Count > 1 ? [.. due.Union(stale)] : stale;
    }

    private async Task MergeAsync(IReadOnlyList<RunPart> due, IProgress<long>? progress, CancellationToken cancel)
    {
        try
        {
            await _build.MergeAsync([.. due.Select(part => (part.Run, part.Counts))], progress, cancel);
            _made++;
        }
        catch (TroubleException)
        {
            // One is damaged: each is read through, and those that are not sound go. Their packs are loose then, and come next time.
            foreach (var part in due) await ProveAsync(part.Run, cancel);
            return;
        }
        foreach (var part in due) await RemoveAsync(part.Run.Name, cancel);
    }

    private async Task ProveAsync(IndexRun run, CancellationToken cancel)
    {
        try
        {
            var scan = new RunScan(run);
            while (scan.MoveNext()) cancel.ThrowIfCancellationRequested();
        }
        catch (TroubleException e)
        {
            await DamagedAsync(run.Name, e, cancel);
        }
    }

    /// <summary>Opens all runs and decides which of their packs count: of two runs that cover a pack the larger does. A run that no pack is
    /// left to, and one that is damaged, is removed.</summary>
    private async Task<(List<RunPart> Parts, List<VolumeEntry> Loose)> LookAsync(CancellationToken cancel)
    {
        // Runs first: a run names packs that were there before it, so no pack seems gone because it was listed too early.
        var runs = await files.ListAsync(domain, cancel);
        var listed = await files.Volume.ListAsync(UnitNames.Packs(domain), cancel);
        // A run says for later readers that its packs' names are safe.
        await files.Volume.SyncNamesAsync(UnitNames.Packs(domain), cancel);
        var lengths = listed.ToDictionary(entry => entry.Name, entry => entry.Length, StringComparer.Ordinal);
        var parts = new List<RunPart>();
        foreach (var entry in runs.OrderByDescending(e => e.Length).ThenBy(e => e.Name, StringComparer.Ordinal))
        {
            if (await OpenAsync(entry, cancel) is not { } run) continue;
            var counts = new bool[run.Packs.Count];
            for (var i = 0; i < counts.Length; i++)
            {
                var pack = run.Packs[i].File;
                counts[i] = lengths.TryGetValue(pack.Name, out var length) && length == pack.Length && lengths.Remove(pack.Name);
            }
            if (Array.IndexOf(counts, true) >= 0)
            {
                parts.Add(new RunPart(run, counts));
                continue;
            }
            run.Dispose();
            await RemoveAsync(entry.Name, cancel);
        }
        return (parts, [.. listed.Where(entry => lengths.ContainsKey(entry.Name)).OrderBy(entry => entry.Name, StringComparer.Ordinal)]);
    }

    private async Task<IndexRun?> OpenAsync(VolumeEntry entry, CancellationToken cancel)
    {
        try
        {
            return await files.OpenAsync(domain, entry, cancel);
        }
        catch (TroubleException e)
        {
            await DamagedAsync(entry.Name, e, cancel);
        }
        catch (FileNotFoundException)
        {
            // Merged into another by somebody else since it was listed: its packs seem loose, and a run of them is one too many until the next time.
        }
        return null;
    }

    private async Task DamagedAsync(string name, TroubleException e, CancellationToken cancel)
    {
        _damaged.Add(e.Trouble.ToString());
        await RemoveAsync(name, cancel);
    }

    private async Task RemoveAsync(string name, CancellationToken cancel)
    {
        await files.RemoveAsync(name, cancel);
        _removed++;
    }

    private static void Close(List<RunPart> parts)
    {
        foreach (var part in parts) part.Run.Dispose();
    }

    /// <summary>An open run, and which of its packs count.</summary>
    internal sealed record RunPart(IndexRun Run, bool[] Counts)
    {
        /// <summary>Records of the packs that count.</summary>
        public long Live { get; } = Run.Packs.Where((_, i) => Counts[i]).Sum(pack => (long)pack.Records);
    }
}
