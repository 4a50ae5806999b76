using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>
/// Makes the catalog's rows of a storage unit anew, after a catalog was lost or where a unit was found: also of images whose jobs, VMs and hosts
/// are not known here. Names come from within the images, which the key store opens; without the key an image is listed with what can be read.
/// Rows that a job stands behind stay as they are.
/// </summary>
internal sealed class ImageRebuild(CatalogStore catalog, Connections connections, KeyDomains keys, PrimaryOptions options, ILogger<ImageRebuild> log)
{
    private const int AtOnce = 200, MostNameLength = 256;

    /// <summary>Shown where nobody can say which host made an image.</summary>
    private const string NoHost = "-";

    /// <summary>Reads a unit through. An image that cannot be taken in is left out and told of; the others are not held up by it.</summary>
    /// <exception cref="Refusal">There is no such unit, or its media server is not connected.</exception>
    /// <exception cref="TroubleException">The media server could not read it, or a key file does not open.</exception>
    public async Task<RebuildReport> Run(string unitName, CancellationToken cancel)
    {
        var unit = await catalog.StorageUnits.Find(unitName) ?? throw Refusal.NotFound("storage-unit", unitName);
        var media = connections.Media(unit.MediaServer) ?? throw Refusal.Unavailable(
            $"media server {unit.MediaServer}", "It is not connected.", "Look whether its service runs and reaches the primary server.");
        var stored = await connections.Ask(media, (IMediaCalls calls) => calls.ListImages(unit.Name), cancel);
        var run = new RebuildRun(unit.Name, await catalog.Hosts.List(), log);
        // The oldest first, as they would have come: the catalog numbers them so.
        foreach (var some in stored.OfType<ImageSummary>().DistinctBy(i => i.Id).OrderBy(i => i.Created).ThenBy(i => i.Id).Chunk(AtOnce))
        {
            var known = await catalog.Images.UnitsOf([.. some.Select(i => i.Id)]);
            var jobs = await catalog.Jobs.Find([.. some.Select(i => i.JobId)]);
            var (rows, wanted) = (new List<ImageRecord>(), new List<ImageSummary>());
            foreach (var image in some)
            {
                if (known.TryGetValue(image.Id, out var where) && where != unit.Name) run.Elsewhere++;
                else if (jobs.GetValueOrDefault(image.JobId) is { Kind: JobKind.Backup } job && job.VmId == image.VmId && job.StorageUnit == unit.Name)
                {
                    if (where is null && run.Sound(image)) rows.Add(JobReports.Row(job, image, run.Hosts.FirstOrDefault(h => h.Name == job.Host)));
                }
                else wanted.Add(image);
            }
            if (wanted.Count > 0) rows.AddRange(await Take(unit, media, wanted, run, cancel));
            await catalog.Images.Put(rows);
            run.Refreshed += rows.Count(r => known.ContainsKey(r.Id));
            run.Listed += rows.Count(r => !known.ContainsKey(r.Id));
        }
        return run.Report(stored.Count);
    }

    private async Task<IReadOnlyList<ImageRecord>> Take(
        StorageUnitRecord unit, Connection media, IReadOnlyList<ImageSummary> some, RebuildRun run, CancellationToken cancel)
    {
        var (left, rows) = (some.ToDictionary(i => i.Id), new List<ImageRecord>());
        while (left.Count > 0)
        {
            IReadOnlyList<Guid> ask = [.. some.Select(i => i.Id).Where(left.ContainsKey)];
            var answer = await connections.Ask(media, (IMediaCalls calls) => calls.ReadImages(unit.Name, ask), cancel);
            var came = 0;
            foreach (var image in answer.OfType<SealedImage>())
            {
                if (!left.Remove(image.Id, out var listed)) continue;
                came++;
                if (Row(listed, image.Stored, run) is { } row) rows.Add(row);
            }
            // The others were given up meanwhile.
            if (came == 0) break;
        }
        return rows;
    }

    /// <summary>Null when the image was left out.</summary>
    private ImageRecord? Row(ImageSummary listed, byte[]? stored, RebuildRun run)
    {
        DomainKey? key = null;
        OpenedImage? opened = null;
        if (stored is not null)
        {
            if (!run.Try(listed.Id, () => options.KeyFormat.DomainOf(stored), out var domain)) return null;
            // Not within the try: a key file that does not open is no fault of the image.
            key = run.KeyOf(domain, keys.Find);
            if (!run.Try(listed.Id, () => Open(listed, stored, key), out opened)) return null;
        }
        var image = opened?.Image ?? listed;
        if (!run.Sound(image)) return null;
        if (image.Vm is null) run.Unnamed++;
        return new ImageRecord
        {
            Id = listed.Id,
            VmId = image.VmId,
            Vm = Shown(image.Vm) ?? Shown(run.NameOf(image.VmId)) ?? image.VmId.ToString(),
            Host = HostOf(run.Hosts, key, opened?.HostName),
            StorageUnit = run.Unit,
            KeyDomain = key?.Name ?? (stored is null ? NoHost : options.KeyFormat.DomainOf(stored).ToString("N")),
            JobId = image.JobId,
            Created = image.Created,
            Type = image.Type,
            Consistency = image.Consistency,
            Method = image.Method,
            Disks = [.. image.Disks.Select(d => d with { Name = Shown(d.Name) ?? "disk" })],
            HasBaseNote = image.HasBaseNote,
            Verified = image.Verified,
        };
    }

    private OpenedImage Open(ImageSummary listed, byte[] stored, DomainKey? key)
    {
        var opened = options.KeyFormat.OpenImage(stored, key?.Master);
        if (opened.Trouble is { } trouble) log.LogWarning("image {Image}: {Trouble}", listed.Id, trouble);
        // What the media server said of it in the open and what it holds are two things; the second one is authenticated by the key.
        return opened.Image.Id == listed.Id
            ? opened
            : throw new TroubleException(
                $"image {listed.Id:D}", $"The media server sent image {opened.Image.Id:D} for it.", "Look at the storage unit: stillpoint store verify.");
    }

    /// <summary>The client that made an image: the one whose host says that name, or else the only one of the key domain, or the name that the host
    /// had.</summary>
    private static string HostOf(IReadOnlyList<HostRecord> hosts, DomainKey? key, string? ownName)
    {
        var same = ownName is null ? null : hosts.FirstOrDefault(h => string.Equals(h.Inventory?.HostName, ownName, StringComparison.OrdinalIgnoreCase));
        if (same is not null) return same.Name;
        var ofDomain = key is null ? [] : hosts.Where(h => h.KeyDomain == key.Name).ToList();
        return ofDomain.Count == 1 ? ofDomain[0].Name : Shown(ownName) ?? key?.Name ?? NoHost;
    }

    /// <summary>A name from within an image, for lists and terminals: bounded and without control characters; null when nothing is left.</summary>
    private static string? Shown(string? name)
    {
        if (string.IsNullOrWhiteSpace(name)) return null;
        var cut = name.Length > MostNameLength ? name[..MostNameLength] : name;
        return string.Concat(cut.Select(c => char.IsControl(c) ? ' ' : c));
    }
}
