namespace Stillpoint.Storage;

/// <summary>Deletes small objects that nobody will read again. Nothing here decides what an image needs.</summary>
internal sealed class Leftovers(StorageUnit unit)
{
    private int _swept;

    /// <returns>Number of objects deleted.</returns>
    public async Task<int> SweepAsync(CancellationToken cancel)
    {
        // 1. Parts and small objects of dead writers.
        _swept += await unit.Volume.SweepAsync(cancel) + await unit.Volume.SweepSmallAsync(cancel);
        // 2. Sessions and leases of sessions that have an end; the end stays for good.
        var ends = (await unit.Catalog.EndsAsync(cancel)).ToDictionary(e => e.Session);
        await DropAsync(UnitNames.Sessions, name => UnitNames.IdOf(name) is { } id && ends.ContainsKey(id), cancel);
        await DropAsync(UnitNames.Leases, name => UnitNames.IdOf(name) is { } id && ends.ContainsKey(id), cancel);
        // 3. Images that a session put and did not commit.
        await DropAsync(
            UnitNames.Images,
            name => UnitNames.ImageOf(name) is { } of && ends.TryGetValue(of.Session, out var end) && (end.State != EndState.Committed || end.Image != of.Image),
            cancel);
        // 4. Marks of damage in packs that are gone. The marks are listed first: a pack that comes later has none of these.
        await SweepBadAsync(cancel);
        // 5. What slept through the end of its round and wrote for it.
        await DropAsync(
            UnitNames.Condemned,
            async name => UnitNames.IdOf(name[..(name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? dot : name.Length)]) is { } round
                && name != UnitNames.Round(round) && !await IsThereAsync(UnitNames.Round(round), cancel),
            cancel);
        return _swept;
    }

    private async Task SweepBadAsync(CancellationToken cancel)
    {
        var marks = await unit.Volume.ListAsync(UnitNames.Bads, cancel);
        if (marks.Count == 0) return;
        var packs = (await unit.Volume.ListAsync(UnitNames.AllPacks, cancel))
            .Select(e => UnitNames.IdOf(e.Name[..(e.Name.LastIndexOf('.') is > 0 and var dot ? dot : e.Name.Length)])).OfType<Guid>().ToHashSet();
        await DropAsync(marks, name => Task.FromResult(UnitNames.BadOf(name) is { } bad && !packs.Contains(bad.Pack)), cancel);
    }

    private async Task<bool> IsThereAsync(string name, CancellationToken cancel)
    {
        try
        {
            await unit.Volume.ReadAsync(name, 0, new byte[1], cancel);
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }

    private async Task DropAsync(string prefix, Func<string, bool> drop, CancellationToken cancel) =>
        await DropAsync(await unit.Volume.ListAsync(prefix, cancel), name => Task.FromResult(drop(name)), cancel);

    private async Task DropAsync(string prefix, Func<string, Task<bool>> drop, CancellationToken cancel) =>
        await DropAsync(await unit.Volume.ListAsync(prefix, cancel), drop, cancel);

    private async Task DropAsync(IReadOnlyList<VolumeEntry> entries, Func<string, Task<bool>> drop, CancellationToken cancel)
    {
        foreach (var entry in entries)
        {
            if (await drop(entry.Name) && await unit.TryDeleteAsync(entry.Name, cancel)) _swept++;
        }
    }
}
