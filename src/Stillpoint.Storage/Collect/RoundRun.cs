using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Executes one collect round from wherever it stands to its end. Any number of processes may do so at once, each stopped and resumed at
/// any step: what is deleted is what the round's one verdict names.
/// </summary>
internal sealed class RoundRun(CollectWork work, CondemnedRound round)
{
    private readonly StorageUnit _unit = work.Unit;

    /// <returns>False when sessions are open for longer than the collect may wait; the round stays.</returns>
    public async Task<bool> RunAsync(CancellationToken cancel)
    {
        // 1. Who may build on its packs: the sessions that are open now that the round can be seen. Later ones see it.
        var waits = await WaitsAsync(cancel);
        // 2. Until each has an end; a dead one gets one.
        if (!await work.WaitAsync(waits.Sessions, cancel)) return false;
        // 3. What is still needed by nobody. One verdict is made, by whoever is first.
        if (await VerdictAsync(cancel) is not { } verdict) return true;
        // 4. A verdict that was written after the round was over, because its author slept, is not the round's.
        if (!await IsThereAsync(UnitNames.Round(round.Round), cancel)) return await DropAsync(UnitNames.RoundVerdict(round.Round), cancel);
        // 5. Delete.
        await DeleteAsync(verdict, cancel);
        await SweepImagesAsync(cancel);
        // 6. The round is over: first its waits, then itself, then the verdict, each for good before the next.
        await DropAsync(UnitNames.RoundWaits(round.Round), cancel);
        await DropAsync(UnitNames.Round(round.Round), cancel);
        return await DropAsync(UnitNames.RoundVerdict(round.Round), cancel);
    }

    private async Task<RoundWaits> WaitsAsync(CancellationToken cancel)
    {
        var name = UnitNames.RoundWaits(round.Round);
        if (await ReadAsync(name, cancel) is { } bytes) return RoundWaits.Decode(bytes, name);
        var made = new RoundWaits(round.Round, [.. await DeadSessions.OpenAsync(_unit.Volume, cancel)]);
        if (await _unit.Volume.PutIfAbsentAsync(name, made.Encode(), cancel)) return made;
        // Another was first; either list was made when the round could be seen. One that is gone belongs to a round that is over.
        return await ReadAsync(name, cancel) is { } others ? RoundWaits.Decode(others, name) : made;
    }

    private async Task<RoundVerdict?> VerdictAsync(CancellationToken cancel)
    {
        var name = UnitNames.RoundVerdict(round.Round);
        if (await ReadAsync(name, cancel) is { } bytes) return RoundVerdict.Decode(bytes, name);
        var doomed = new List<PackName>();
        foreach (var packs in round.Packs.GroupBy(p => p.Domain)) doomed.AddRange(await UnneededAsync(packs.Key, [.. packs], cancel));
        var made = new RoundVerdict(round.Round, doomed);
        if (await _unit.Volume.PutIfAbsentAsync(name, made.Encode(), cancel)) return made;
        return await ReadAsync(name, cancel) is { } others ? RoundVerdict.Decode(others, name) : null;
    }

    /// <summary>
    /// The packs that no image needs, or needs only for what lies elsewhere too. Elsewhere is a pack that no round condemned: of two
    /// rounds that each rely on the other's copy at least one sees the other here, because both were written before.
    /// </summary>
    private async Task<List<PackName>> UnneededAsync(Guid domain, IReadOnlyList<PackName> packs, CancellationToken cancel)
    {
        work.Report(CollectStage.Marking, 0, 0);
        var index = await _unit.FreshIndexAsync(domain, cancel);
        var mark = await LiveMark.RunAsync(_unit, index, round.Expired.ToHashSet(), cancel);
        var files = index.Packs.ToDictionary(p => p.Name, StringComparer.Ordinal);
        var others = new OtherCopies(_unit, index, mark.Needed);
        var unneeded = new List<PackName>();
        foreach (var pack in packs)
        {
            // One that another round has deleted, or that cannot be read: the former needs nothing more, the latter stays for a verify to tell of.
            if (!files.TryGetValue(pack.Text, out var file) || await EntriesAsync(file, cancel) is not { } entries) continue;
            var needed = pack.Kind == PackKind.Nodes ? mark.CondemnedNodes : mark.CondemnedChunks;
            if (entries.Any(entry => needed.Contains(entry.Id)) || !await others.StandInAsync(file, entries, cancel)) work.Tally.PacksKept++;
            else unneeded.Add(pack);
        }
        return unneeded;
    }

    private async Task<IReadOnlyList<PackEntry>?> EntriesAsync(PackFile pack, CancellationToken cancel)
    {
        try
        {
            return (await PackFile.LoadAsync(_unit.Volume, new VolumeEntry(pack.Name, pack.Length), _unit.Parameters.UnitId, cancel)).Entries;
        }
        catch (Exception e) when (e is FileNotFoundException or TroubleException)
        {
            return null;
        }
    }

    private async Task DeleteAsync(RoundVerdict verdict, CancellationToken cancel)
    {
        var lengths = new Dictionary<string, long>();
        foreach (var domain in verdict.Packs.Select(p => p.Domain).Distinct())
            foreach (var entry in await _unit.Volume.ListAsync(UnitNames.Packs(domain), cancel)) lengths[entry.Name] = entry.Length;
        var there = verdict.Packs.Select(p => p.Text).Where(lengths.ContainsKey).ToList();
        long done = 0, total = there.Sum(name => lengths[name]);
        foreach (var name in there)
        {
            done += lengths[name];
            // A later round deletes it, when its lock has run out.
            if (!await _unit.TryDeleteAsync(name, cancel)) continue;
            work.Tally.PacksDeleted++;
            work.Tally.BytesDeleted += lengths[name];
            work.Report(CollectStage.Deleting, done, total);
        }
        foreach (var domain in verdict.Packs.Select(p => p.Domain).Distinct()) await _unit.Volume.SyncNamesAsync(UnitNames.Packs(domain), cancel);
    }

    /// <summary>What is left of the images that were given up before the round: their notes and their objects. Keepings and ends stay.</summary>
    private async Task SweepImagesAsync(CancellationToken cancel)
    {
        if (round.Expired.Count == 0) return;
        var expired = round.Expired.ToHashSet();
        foreach (var entry in await _unit.Volume.ListAsync(UnitNames.Notes, cancel))
            if (UnitNames.ImageOfNote(entry.Name) is { } image && expired.Contains(image)) await _unit.TryDeleteAsync(entry.Name, cancel);
        foreach (var entry in await _unit.Volume.ListAsync(UnitNames.Images, cancel))
        {
            if (UnitNames.ImageOf(entry.Name) is not { } name || !expired.Contains(name.Image)) continue;
            // Another session may be putting an object of that id; it will be refused, and its object swept with it.
            if (!await IsThereAsync(UnitNames.End(name.Session), cancel)) continue;
            if (!await _unit.TryDeleteAsync(entry.Name, cancel)) continue;
            _unit.Catalog.Forget(name.Session);
            work.Tally.ImagesRemoved++;
        }
    }

    private async Task<byte[]?> ReadAsync(string name, CancellationToken cancel)
    {
        try
        {
            return await SmallObject.ReadAsync(_unit.Volume, name, cancel);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private async Task<bool> IsThereAsync(string name, CancellationToken cancel) => await ReadAsync(name, cancel) is not null;

    private async Task<bool> DropAsync(string name, CancellationToken cancel)
    {
        await _unit.Volume.DeleteAsync(name, cancel);
        await _unit.Volume.SyncNamesAsync(UnitNames.Condemned, cancel);
        return true;
    }
}
