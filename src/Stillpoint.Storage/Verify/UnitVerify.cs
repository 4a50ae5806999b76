using System.Collections.Concurrent;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Checks a whole unit: every record of every pack once, then what each committed image refers to. With keys it decrypts, decompresses
/// and compares ids, for the keys' domain; without it checks structure, presence and checksums, for all domains.
/// </summary>
public static class UnitVerify
{
    /// <param name="unit">The unit.</param>
    /// <param name="keys">Keys of the domain to check in full; null checks stored bytes of all domains.</param>
    /// <param name="progress">Bytes of packs read so far.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="TroubleException">The unit could not be read at all. Damage is in the report, never thrown.</exception>
    public static async Task<VerifyReport> RunAsync(StorageUnit unit, DomainKeys? keys, IProgress<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        try
        {
            return await BesideCollect.RunAsync(unit, () => CheckAsync(unit, keys, progress, cancel), cancel);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
    }

    private static async Task<VerifyReport> CheckAsync(StorageUnit unit, DomainKeys? keys, IProgress<long>? progress, CancellationToken cancel)
    {
        var list = await unit.ListImagesAsync(cancel);
        var damage = list.Damaged.ToList();
        var images = new List<VerifiedImage>();
        long packs = 0, records = 0, bytes = 0;
        foreach (var domain in keys is null ? await DomainsAsync(unit, list, cancel) : [keys.Domain])
        {
            var index = await unit.FreshIndexAsync(domain, cancel);
            damage.AddRange(index.Unusable);
            var results = await CheckPacksAsync(unit, index, keys, done => progress?.Report(Interlocked.Add(ref bytes, done)), cancel);
            await MarkAsync(unit, domain, results.Values, damage, cancel);
            packs += results.Count;
            records += results.Values.Sum(r => r.Records);
            var walk = new ImageVerify(unit.Parameters, new ReaderSession(unit, new ReaderScope(domain), index), index, results);
            // A damaged record that was sent again since is no loss any more.
            damage.AddRange(results.Values.OrderBy(r => r.Pack.Name, StringComparer.Ordinal)
                .SelectMany(r => r.Damage.Where(d => d.Record is not { } id || !walk.HasSound(r.Pack.Header.Kind, id)).Select(d => d.Text)));
            foreach (var image in list.Images.Where(i => i.Header.Domain == domain))
            {
                var why = await walk.RunAsync(image.Header, cancel) ?? (keys is null ? null : Details(keys, image));
                images.Add(new VerifiedImage(image.Header.Id, why is null, why));
                if (why is not null) damage.Add($"image {image.Header.Id}: {why}");
            }
        }
        return new VerifyReport(keys is null ? VerifyKind.Stored : VerifyKind.Full, packs, records, bytes, damage, images, list.Images.Count - images.Count);
    }

    /// <summary>Says for good which records are damaged, so that the next backup that meets such a chunk sends it again.</summary>
    private static async Task MarkAsync(
        StorageUnit unit, Guid domain, IEnumerable<PackVerify.Result> results, List<string> damage, CancellationToken cancel)
    {
        try
        {
            foreach (var result in results)
            {
                foreach (var offset in result.Bad)
                {
                    var writer = ObjectFrame.Begin(ObjectFrame.BadMagic);
                    writer.I64(unit.Environment.Time.GetUtcNow().UtcTicks);
                    var name = UnitNames.Bad(new BadRecord(result.Pack.Header.Pack, offset), domain);
                    await unit.Volume.PutIfAbsentAsync(name, ObjectFrame.End(writer), cancel);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            damage.Add($"what is damaged could not be written down: {e.Message}");
        }
    }

    private static string? Details(DomainKeys keys, StoredImage image)
    {
        try
        {
            ImageDetailsCodec.Open(keys, image);
            return null;
        }
        catch (TroubleException e)
        {
            return e.Trouble.Message;
        }
    }

    private static async Task<IReadOnlyCollection<Guid>> DomainsAsync(StorageUnit unit, ImageList list, CancellationToken cancel)
    {
        var domains = list.Images.Select(i => i.Header.Domain).ToHashSet();
        foreach (var entry in await unit.Volume.ListAsync(UnitNames.AllPacks, cancel))
            if (UnitNames.DomainOf(entry.Name) is { } domain) domains.Add(domain);
        return domains;
    }

    private static async Task<ConcurrentDictionary<string, PackVerify.Result>> CheckPacksAsync(
        StorageUnit unit, DomainIndex index, DomainKeys? keys, Action<long> done, CancellationToken cancel)
    {
        var results = new ConcurrentDictionary<string, PackVerify.Result>();
        using var opener = keys is null ? null : new RecordOpener(keys);
        var verify = new PackVerify(unit.Volume, unit.Parameters, opener);
        var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(Environment.ProcessorCount, 16), CancellationToken = cancel };
        await Parallel.ForEachAsync(index.Packs, options, async (pack, token) =>
        {
            try
            {
                results[pack.Name] = await verify.RunAsync(pack, token);
            }
            catch (TroubleException e)
            {
                results[pack.Name] = Lost(pack, e.Trouble.ToString());
            }
            catch (FileNotFoundException)
            {
                results[pack.Name] = Lost(pack, $"pack {pack.Name} is gone.");
            }
            done(pack.Length);
        });
        return results;
    }

    private static PackVerify.Result Lost(PackFile pack, string why) => new(pack, 0, [], [], [new PackVerify.PackDamage(why)], Lost: true);
}
