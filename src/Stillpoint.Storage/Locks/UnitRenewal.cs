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
        if (unit.LockDays is null) throw UnitTrouble.Refused(unit.Name, "it was made without locks.", "make a unit with: stillpoint store init UNIT --lock-days NUMBER");
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
        var sessions = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in await unit.Volume.ListAsync(UnitNames.Images, cancel))
        {
            if (entry.Name[UnitNames.Images.Length..].Split('.') is not [var image, var session] || !IsOf(image, images)) continue;
            names.Add(entry.Name);
            sessions.Add(session);
        }
        names.AddRange((await unit.Volume.ListAsync(UnitNames.Ends, cancel)).Select(e => e.Name).Where(n => sessions.Contains(n[UnitNames.Ends.Length..])));
        names.AddRange((await unit.Volume.ListAsync(UnitNames.Notes, cancel)).Select(e => e.Name).Where(n => IsOf(n[UnitNames.Notes.Length..].Split('.')[0], images)));
        return names;
    }

    private static bool IsOf(string text, HashSet<Guid> images) => Guid.TryParseExact(text, "N", out var id) && images.Contains(id);
}
