using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Deletes what no image needs. It may run beside backups, restores, verifies and other collects in any number of processes, and be
/// stopped at any step: every decision is an object, and the next collect goes on from it. Needs no key; with one it also seals anew.
/// </summary>
public static class Collector
{
    /// <param name="unit">The unit.</param>
    /// <param name="options">How to go about it.</param>
    /// <param name="progress">What it does; called from one thread at a time.</param>
    /// <param name="cancel">Stops it; the next collect goes on.</param>
    /// <exception cref="TroubleException">The unit takes signed plans only, has packs of other domains than that of the keys alone, an image cannot be
    /// read through, or the volume failed.</exception>
    public static async Task<CollectReport> RunAsync(
        StorageUnit unit, CollectOptions options, IProgress<CollectProgress>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(options);
        await unit.CheckPresentAsync(cancel);
        try
        {
            var expired = await CollectPlans.AllowedAsync(unit, options, cancel);
            // A unit without packs has nothing to encrypt anew under any key; one with those of others alone was given the wrong key file.
            if (options.Keys is { } given && await unit.DomainsAsync(cancel) is { Count: > 0 } domains && !domains.Contains(given.Keys.Domain))
            {
                throw UnitTrouble.Refused(
                    unit.Name, $"it has no pack of the key domain {given.Keys.Domain:D} of the key file.", "give the key file that its images were made with");
            }
            var run = new CollectRun(new CollectWork(unit, options, progress), expired);
            return await run.RunAsync(cancel);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
    }
}

/// <summary>One collect.</summary>
/// <param name="work">What its steps share.</param>
/// <param name="expired">The images that it may collect.</param>
internal sealed class CollectRun(CollectWork work, IReadOnlySet<Guid> expired)
{
    private readonly StorageUnit _unit = work.Unit;

    public async Task<CollectReport> RunAsync(CancellationToken cancel)
    {
        // 1. Rounds that others began, or that were cut off, come to their end first.
        var finished = await FinishRoundsAsync(cancel);
        // 2. Which sessions live, which are dead.
        finished = finished && await SettleAsync(cancel);
        // 3. A round of our own; another when the volume was too full to copy anything before something was deleted, or when there was more to seal
        //    anew than one round takes: each of those leaves fewer packs to the next.
        for (var again = true; finished && again;)
        {
            var lacked = work.Tally.LackedSpace;
            work.Tally.LackedSpace = work.Tally.More = false;
            if (await PlanAsync(cancel) is not { } round) break;
            finished = await new RoundRun(work, round).RunAsync(cancel);
            again = work.Tally.LackedSpace ? !lacked : work.Tally.More;
        }
        // 4. Sessions that left no pack held nothing up, but those that are dead left their names. What takes too long is left to the next collect.
        if (finished) await work.SettleAsync([.. await DeadSessions.OpenAsync(_unit.Volume, cancel)], cancel);
        // 5. What belongs to nobody any more.
        work.Report(CollectStage.Sweeping, 0, 0);
        work.Tally.ObjectsSwept += await new Leftovers(_unit).SweepAsync(cancel);
        var tally = work.Tally;
        return new CollectReport(
            finished, tally.PacksDeleted, tally.BytesDeleted, tally.PacksRewritten, tally.BytesWritten, tally.PacksKept, work.Dead.Fenced,
            tally.ImagesRemoved, tally.ObjectsSwept, tally.PacksResealed, tally.LackedSpace, tally.Unreadable.Count == 0 ? null : [.. tally.Unreadable],
            tally.OldLocked.Count, tally.OldLocked.Count == 0 ? null : tally.OldLocked.Values.Max());
    }

    private async Task<bool> FinishRoundsAsync(CancellationToken cancel)
    {
        var finished = true;
        foreach (var round in await Rounds.ReadAsync(_unit.Volume, cancel)) finished &= await new RoundRun(work, round).RunAsync(cancel);
        return finished;
    }

    private async Task<bool> SettleAsync(CancellationToken cancel)
    {
        var open = await DeadSessions.OpenAsync(_unit.Volume, cancel);
        if (open.Count == 0) return true;
        var writers = new HashSet<Guid>();
        foreach (var domain in await DomainsAsync(cancel))
            writers.UnionWith((await _unit.FreshIndexAsync(domain, cancel)).Packs.Select(p => p.Header.Session));
        return await work.SettleAsync([.. open.Where(writers.Contains)], cancel);
    }

    /// <summary>Writes a round when there is something to delete; what lives in its packs is durable elsewhere by then.</summary>
    private async Task<CondemnedRound?> PlanAsync(CancellationToken cancel)
    {
        work.Report(CollectStage.Marking, 0, 0);
        var open = await DeadSessions.OpenAsync(_unit.Volume, cancel);
        var condemned = new List<PackName>();
        foreach (var domain in await DomainsAsync(cancel))
        {
            var plan = await DomainPlan.MakeAsync(work, domain, expired, open, cancel);
            condemned.AddRange(plan.Dead.Select(p => PackName.Of(p.Header)));
            condemned.AddRange((await RewriteAsync(plan, cancel)).Select(p => PackName.Of(p.Header)));
        }
        if (condemned.Count == 0 && !await AnyObjectLeftAsync(cancel)) return null;
        var round = new CondemnedRound(_unit.Environment.NewId(), _unit.Environment.Time.GetUtcNow(), condemned, [.. expired]);
        if (!await _unit.Volume.PutIfAbsentAsync(UnitNames.Round(round.Round), round.Encode(), cancel))
            throw UnitTrouble.Refused(_unit.Name, $"collect round {round.Round:N} exists already.", "run the collect again");
        return round;
    }

    /// <returns>The packs whose living records are durable elsewhere now.</returns>
    private async Task<IReadOnlyList<PackFile>> RewriteAsync(DomainPlan plan, CancellationToken cancel)
    {
        if (plan.Rewrite.Count + plan.Reseal.Count == 0) return [];
        var progress = new Moved(work, plan.Rewrite.Concat(plan.Reseal).Sum(p => p.Length));
        await using var rewrite = new PackRewrite(_unit, plan.Index.Domain);
        await using var reseal = plan.Reseal.Count == 0 ? null : new PackReseal(_unit, work.Keys!);
        try
        {
            foreach (var pack in plan.Rewrite)
                await TryMoveAsync(pack, progress, () => rewrite.AddAsync(pack, offset => plan.Lives(pack, offset), cancel));
            await rewrite.FinishNodesAsync(cancel);
            if (reseal is not null)
            {
                foreach (var pack in plan.Reseal)
                    await TryMoveAsync(pack, progress, () => reseal.AddAsync(pack, offset => plan.Lives(pack, offset), cancel));
                await reseal.FinishAsync(cancel);
            }
        }
        catch (IOException e) when (UnitTrouble.IsFull(e))
        {
            // What is dead is deleted first; then there may be room.
            work.Tally.LackedSpace = true;
        }
        work.Tally.PacksRewritten += rewrite.Done.Count;
        work.Tally.PacksResealed += reseal?.Done.Count ?? 0;
        work.Tally.BytesWritten += rewrite.BytesWritten + (reseal?.BytesWritten ?? 0);
        return [.. rewrite.Done, .. reseal?.Done ?? []];
    }

    private async Task TryMoveAsync(PackFile pack, Moved progress, Func<Task> move)
    {
        try
        {
            await move();
        }
        catch (TroubleException)
        {
            work.Tally.Unreadable.Add(pack.Name);
        }
        catch (FileNotFoundException)
        {
            work.Tally.Gone.Add(pack.Name);
        }
        progress.Add(pack.Length);
    }

    private sealed class Moved(CollectWork work, long total)
    {
        private long _done;

        public void Add(long bytes) => work.Report(CollectStage.Rewriting, _done += bytes, total);
    }

    /// <summary>True when the object of an image that was given up is still there.</summary>
    private async Task<bool> AnyObjectLeftAsync(CancellationToken cancel) =>
        expired.Count > 0 && (await _unit.Volume.ListAsync(UnitNames.Images, cancel)).Any(e => UnitNames.ImageOf(e.Name) is { } of && expired.Contains(of.Image));

    private async Task<IReadOnlyList<Guid>> DomainsAsync(CancellationToken cancel) =>
        [.. (await _unit.Volume.ListAsync(UnitNames.AllPacks, cancel)).Select(e => UnitNames.DomainOf(e.Name)).OfType<Guid>().Distinct()];
}
