using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// Checks a whole unit: every record of every pack once, then what each committed image refers to. With keys it decrypts, decompresses
/// and compares ids, for the keys' domain; without it checks structure, presence and checksums, for all domains.
/// </summary>
public static class UnitVerify
{
    /// <summary>Checks everything, without regard to earlier verifies.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="keys">Keys of the domain to check in full; null checks stored bytes of all domains.</param>
    /// <param name="progress">Bytes of packs read so far.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="TroubleException">The unit could not be read at all. Damage is in the report, never thrown.</exception>
    public static Task<VerifyReport> RunAsync(StorageUnit unit, DomainKeys? keys, IProgress<long>? progress, CancellationToken cancel) =>
        RunAsync(unit, new VerifyOptions { Keys = keys }, null, progress, cancel);

    /// <summary>Checks what the options ask for.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="options">What to check, and how hard.</param>
    /// <param name="planned">Told the bytes that will be read, once they are known.</param>
    /// <param name="progress">Bytes of packs read so far.</param>
    /// <param name="cancel">Stops the work; with <see cref="VerifyOptions.Remember"/> the next verify goes on.</param>
    /// <exception cref="TroubleException">The unit could not be read at all, or has no such image. Damage is in the report, never thrown.</exception>
    public static async Task<VerifyReport> RunAsync(
        StorageUnit unit, VerifyOptions options, Action<long>? planned, IProgress<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            return await BesideCollect.RunAsync(unit, () => CheckAsync(unit, options, planned, progress, cancel), cancel);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(unit.Name, e);
        }
    }

    private static async Task<VerifyReport> CheckAsync(
        StorageUnit unit, VerifyOptions options, Action<long>? planned, IProgress<long>? progress, CancellationToken cancel)
    {
        var began = unit.Environment.Time.GetUtcNow();
        var list = await unit.ListImagesAsync(strict: false, cancel, originals: true);
        if (options.Image is { } one && list.Images.All(i => i.Header.Id != one)) throw UnitTrouble.Refused(unit.Name, $"it has no image {one:D}.", $"list them with: stillpoint store images {unit.Name}");
        var damage = list.Damaged.ToList();
        var images = new List<VerifiedImage>();
        // 1. What is to be read, of each domain.
        var work = new List<(DomainVerify Verify, IReadOnlyList<StoredImage> Images, IReadOnlyList<PackFile> Packs)>();
        foreach (var domain in await DomainsAsync(unit, list, options, cancel))
        {
            var index = await unit.FreshIndexAsync(domain, cancel);
            damage.AddRange(index.Unusable);
            var own = list.Images.Where(i => i.Header.Domain == domain && (options.Image is null || i.Header.Id == options.Image)).ToList();
            var verify = new DomainVerify(unit, options, index, began);
            work.Add((verify, own, await verify.PlanAsync(own, cancel)));
        }
        planned?.Invoke(work.Sum(w => w.Verify.ToRead));
        // 2. Packs, then what images refer to.
        var limit = options.BytesPerSecond is { } rate ? new RateLimit(rate, unit.Environment.Time) : null;
        long packs = 0, records = 0, bytes = 0, skipped = 0;
        var notDue = 0;
        foreach (var (verify, own, toRead) in work)
        {
            void Done(long read) => progress?.Report(Interlocked.Add(ref bytes, read));
            await verify.ReadAsync(toRead, limit, Done, cancel);
            // A run of the index that does not say what the packs say was dropped: what lies where is read from them, before images are looked at.
            if (verify.Index.Incomplete) await verify.Index.RefreshAsync(unit.Volume, unit.Parameters.UnitId, cancel);
            damage.AddRange(verify.Index.TakeRunDamage());
            var read = toRead.Count + await verify.CatchUpAsync(limit, Done, cancel);
            var (index, results) = (verify.Index, verify.Results);
            if (index.Incomplete) await index.RefreshAsync(unit.Volume, unit.Parameters.UnitId, cancel);
            damage.AddRange(index.TakeRunDamage());
            await BadMarks.WriteAsync(unit, index.Domain, results.Values, damage, cancel);
            packs += read;
            skipped += results.Values.Count(r => r.Skipped);
            records += results.Values.Sum(r => r.Records);
            var walk = new ImageVerify(unit.Parameters, new ReaderSession(unit, new ReaderScope(index.Domain), index), index, results);
            damage.AddRange(Told(unit, results.Values, walk));
            foreach (var image in own)
            {
                // Presence is looked at always: a pack that went since is in no list of what was sound lately.
                var why = await walk.RunAsync(image.Header, cancel) ?? (options.Keys is null ? null : Details(options.Keys, image));
                var due = IsDue(unit, image, options, began);
                if (why is null && !due) notDue++;
                if (why is null ? !due : await GivenUpAsync(unit, image, cancel)) continue;
                images.Add(new VerifiedImage(image.Header.Id, why is null, why));
                if (why is not null) damage.Add($"image {image.Header.Id}: {why}");
            }
        }
        var others = options.Keys is null ? 0 : list.Images.Count(i => i.Header.Domain != options.Keys.Domain && (options.Image is null || i.Header.Id == options.Image));
        return new VerifyReport(options.Depth.Kind, packs, records, bytes, damage, images, others, skipped, options.Sample < 1) { NotDue = notDue };
    }

    /// <summary>True for an image that was given up, and perhaps collected, while the verify ran.</summary>
    private static async Task<bool> GivenUpAsync(StorageUnit unit, StoredImage image, CancellationToken cancel) =>
        (await unit.Keepings.OfAsync(image.Header.Id, cancel)).Expired;

    /// <summary>What packs gave, in words. A damaged record that was sent again since is no loss any more.</summary>
    private static IEnumerable<string> Told(StorageUnit unit, IEnumerable<PackVerify.Result> results, ImageVerify walk) =>
        from result in results.OrderBy(r => r.Pack.Name, StringComparer.Ordinal)
        from damage in result.Damage
        where damage.Record is not { } id || !walk.HasSound(result.Pack.Header.Kind, id)
        select damage.FalseContent ? $"{damage.Text}; {BadMarks.Uploader(unit, result.Pack)}" : damage.Text;

    /// <summary>False for an image that was found sound, as deep as is asked now, lately enough. What a clock that ran ahead dated is not lately.</summary>
    private static bool IsDue(StorageUnit unit, StoredImage image, VerifyOptions options, DateTimeOffset now)
    {
        if (options.OlderThan is not { } age || options.Keys is null || options.Image is not null) return true;
        try
        {
            return ImageSummaries.LastVerify(image, options.Keys) is not { Result: "sound", Kind: VerifyKind.Full } last || now - last.At > age || last.At > unit.Environment.Latest;
        }
        catch (TroubleException)
        {
            return true;
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

    private static async Task<IReadOnlyCollection<Guid>> DomainsAsync(
        StorageUnit unit, ImageList list, VerifyOptions options, CancellationToken cancel)
    {
        if (options.Keys is { } keys) return [keys.Domain];
        if (options.Image is { } one) return [list.Images.First(i => i.Header.Id == one).Header.Domain];
        var domains = list.Images.Select(i => i.Header.Domain).ToHashSet();
        foreach (var entry in await unit.Volume.ListAsync(UnitNames.AllPacks, cancel))
            if (UnitNames.DomainOf(entry.Name) is { } domain) domains.Add(domain);
        return domains;
    }
}
