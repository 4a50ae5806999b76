using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Extends the locks of all that the images of a unit need, to the date that a new object would get. Due once a renewal period: each lock is
/// longer than the unit's lock period by one such period. What no image needs any more is left to run out, and a collect may delete it then.
/// </summary>
public static class UnitRenewal
{
    /// <param name="unit">A unit that was made with a lock period.</param>
    /// <param name="progress">Objects extended so far.</param>
    /// <param name="cancel">Ends the work; what was extended stays so.</param>
    /// <exception cref="TroubleException">The unit locks nothing, or its volume failed.</exception>
    public static async Task<RenewalReport> RunAsync(StorageUnit unit, IProgress<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        if (unit.LockDays is null) throw UnitTrouble.Refused(unit.Name, "it was made without locks.",
            "make a unit with: stillpoint store init UNIT --lock-days NUMBER");
        try
        {
            var list = await unit.ListImagesAsync(strict: true, cancel);
            var damaged = list.Damaged.ToList();
            var (packs, left) = await PacksAsync(unit, list.Images, damaged, cancel);
            var small = await SmallAsync(unit, list.Images.Select(i => i.Header.Id).ToHashSet(), cancel);
            long done = 0;
            var options = new ParallelOptions { MaxDegreeOfParallelism = unit.Volume.Connections, CancellationToken = cancel };
            await Parallel.ForEachAsync(packs.Concat(small), options, async (name, token) =>
            {
                await unit.Volume.ExtendLockAsync(name, token);
                progress?.Report(Interlocked.Increment(ref done));
            });
            return new RenewalReport(list.Images.Count, packs.Count + small.Count, packs.Count, left, damaged);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
    }

    private static async Task<(IReadOnlyCollection<string> Needed, int Left)> PacksAsync(
        StorageUnit unit, IReadOnlyList<StoredImage> images, List<string> damaged, CancellationToken cancel)
    {
        var needed = new HashSet<string>(StringComparer.Ordinal);
        var all = 0;
        foreach (var domain in images.GroupBy(i => i.Header.Domain))
        {
            var index = await unit.FreshIndexAsync(domain.Key, cancel);
            all += index.Packs.Count;
            var reach = new PackReach(index, new ReaderSession(unit, new ReaderScope(domain.Key), index), needed);
            foreach (var image in domain)
            {
                foreach (var stream in image.Header.Streams)
                    if (await reach.AddAsync(stream.Root, cancel) is { } why) damaged.Add($"image {image.Header.Id}: {why}");
            }
        }
        return (needed, all - needed.Count);
    }

    /// <summary>The unit's own objects and those that make the images what they are.</summary>
    private static async Task<IReadOnlyCollection<string>> SmallAsync(StorageUnit unit, HashSet<Guid> images, CancellationToken cancel)
    {
        var names = new List<string> { UnitNames.Configuration };
        var ends = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in await unit.Volume.ListAsync(UnitNames.Images, cancel))
        {
            if (UnitNames.ImageOf(entry.Name) is not { } name || !images.Contains(name.Image)) continue;
            names.Add(entry.Name);
            ends.Add(UnitNames.End(name.Session));
        }
        names.AddRange((await unit.Volume.ListAsync(UnitNames.Ends, cancel)).Select(e => e.Name).Where(ends.Contains));
        foreach (var prefix in new[] { UnitNames.Notes, UnitNames.Keepings })
        {
            var beside = await unit.Volume.ListAsync(prefix, cancel);
            names.AddRange(beside.Select(e => e.Name).Where(n => UnitNames.ImageOfNote(n) is { } image && images.Contains(image)));
        }
        names.AddRange((await unit.Volume.ListAsync(UnitNames.BrokenGlass, cancel)).Select(e => e.Name));
        if (await IsThereAsync(unit, UnitNames.PrimaryKey, cancel)) names.Add(UnitNames.PrimaryKey);
        return names;
    }

    private static async Task<bool> IsThereAsync(StorageUnit unit, string name, CancellationToken cancel)
    {
        try
        {
            await unit.Volume.ReadAsync(name, 0, new byte[1], cancel);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }
}
