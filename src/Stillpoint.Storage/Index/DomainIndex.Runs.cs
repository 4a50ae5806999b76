using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <content>How packs and runs come into the index and leave it.</content>
internal sealed partial class DomainIndex
{
    /// <summary>The packs that the index does not answer for.</summary>
    private List<VolumeEntry> Fresh(IReadOnlyList<VolumeEntry> listed)
    {
        lock (_gate)
        {
            return
            [
                .. listed.Where(entry => !_known.TryGetValue(entry.Name, out var known) || known.Pending)
                    .OrderBy(entry => entry.Name, StringComparer.Ordinal),
            ];
        }
    }

    /// <summary>Takes up the runs that the volume lists now, for the packs that it lists, and lets go of those that others stand in for.</summary>
    private async Task TakeUpRunsAsync(RunFiles files, IReadOnlyList<VolumeEntry> listed, CancellationToken cancel)
    {
        var open = _runs.ToDictionary(view => view.Run.Name, view => view.Run);
        var runs = new List<IndexRun>();
        foreach (var entry in await files.ListAsync(Domain, cancel))
        {
            if (open.Remove(entry.Name, out var run)) runs.Add(run);
            else if (await OpenAsync(files, entry, cancel) is { } opened) runs.Add(opened);
        }
        // Larger ones first, so that what was merged into them adds nothing. One that is not listed any more stays while it alone answers for a pack.
        Use([.. runs.OrderByDescending(run => run.Entries), .. open.Values], listed.ToDictionary(entry => entry.Name, entry => entry.Length));
    }

    private void Use(IReadOnlyList<IndexRun> runs, Dictionary<string, long> lengths)
    {
        lock (_gate)
        {
            var covered = new HashSet<int>();
            var views = new List<RunView>();
            foreach (var run in runs)
            {
                var before = covered.Count;
                var numbers = run.Packs.Select(pack => pack.File)
                    .Select(pack => lengths.TryGetValue(pack.Name, out var length) && length == pack.Length ? Covered(pack) : -1).ToArray();
                foreach (var number in numbers)
                    if (number >= 0) covered.Add(number);
                // Not closed here when it adds nothing: another thread may be reading it.
                if (covered.Count > before) views.Add(new RunView(run, numbers, StandingOf));
            }
            _runs = [.. views];
            _loose = _loose.Without(covered);
        }
    }

    /// <summary>The number of a pack that a run answers for; -1 when the pack cannot be used.</summary>
    private int Covered(PackFile pack)
    {
        var number = _known.TryGetValue(pack.Name, out var known) ? known.Number : NumberOf(pack);
        if (number >= 0) _known[pack.Name] = new Known(number);
        return number;
    }

    private async Task<IndexRun?> OpenAsync(RunFiles files, VolumeEntry entry, CancellationToken cancel)
    {
        bool rotten;
        lock (_gate) rotten = _dropped.Contains(entry.Name);
        if (!rotten)
        {
            try
            {
                return await files.OpenAsync(Domain, entry, cancel);
            }
            catch (TroubleException e)
            {
                Forget(entry.Name, e);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Merged into another by now, or not readable at the moment: packs that no other run covers are read themselves.
                return null;
            }
        }
        try
        {
            // Whoever finds it removes it, so that the next start makes a sound one.
            await files.RemoveAsync(entry.Name, cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It stays, and every start finds it damaged.
        }
        return null;
    }

    /// <summary>Reads the trailers of packs, some at a time.</summary>
    private async Task LoadAsync(IVolume volume, Guid unit, IReadOnlyList<VolumeEntry> packs, CancellationToken cancel)
    {
        foreach (var some in packs.Chunk(RunBuild.PacksAtOnce))
        {
            var loaded = await Task.WhenAll(some.Select(entry => LoadAsync(volume, unit, entry, cancel)));
            foreach (var one in loaded)
                if (one is var (pack, entries)) Add(pack, entries);
        }
    }

    private async Task<(PackFile Pack, PackEntry[] Entries)?> LoadAsync(IVolume volume, Guid unit, VolumeEntry entry, CancellationToken cancel)
    {
        try
        {
            var (pack, entries, _) = await PackFile.LoadAsync(volume, entry, unit, cancel);
            return (pack, entries);
        }
        catch (TroubleException e)
        {
            // One pack that is lost must not take the rest with it; verify tells of it, and whoever needs its records hears of them.
            lock (_gate) _known[entry.Name] = new Known(-1, e.Trouble.ToString());
        }
        catch (FileNotFoundException)
        {
            // Deleted since it was listed.
            lock (_gate)
                if (_known.TryGetValue(entry.Name, out var known) && known.Pending) _known[entry.Name] = known with { Pending = false };
        }
        return null;
    }

    /// <summary>The index is complete again when all packs that a dropped run answered for were read, or are gone.</summary>
    private void Settle(HashSet<string> listed)
    {
        lock (_gate)
        {
            if (!_incomplete) return;
            foreach (var (name, known) in _known.Where(pair => pair.Value.Pending && !listed.Contains(pair.Key)).ToList())
                _known[name] = known with { Pending = false };
            _incomplete = _known.Values.Any(known => known.Pending);
        }
    }

    /// <summary>Asks a run; one that turns out to be damaged or cannot be read is dropped, and its packs are read by the next refresh.</summary>
    private void Ask(RunView view, Action ask)
    {
        try
        {
            ask();
        }
        catch (TroubleException e)
        {
            Forget(view.Run.Name, e);
            Drop(view);
        }
        catch (IOException)
        {
            Drop(view);
        }
    }

    /// <summary>The run is not opened again, and is removed when it is listed next.</summary>
    private void Forget(string run, TroubleException damage)
    {
        lock (_gate)
            if (_dropped.Add(run)) _runDamage.Add(damage.Trouble.ToString());
    }

    private void Drop(RunView view)
    {
        lock (_gate)
        {
            if (!_runs.Contains(view)) return;
            _runs = [.. _runs.Where(other => other != view)];
            var covered = _runs.SelectMany(other => other.Packs).Select(pack => pack.File.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var pack in view.Packs)
            {
                if (covered.Contains(pack.File.Name)) continue;
                _known[pack.File.Name] = _known[pack.File.Name] with { Pending = true };
                _incomplete = true;
            }
        }
    }
}
