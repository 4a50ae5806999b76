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
    private const int AtOnce = 200, MostNameLength = 256, MostDisks = 512;

    /// <summary>Shown where nobody can say which host made an image.</summary>
    private const string NoHost = "-";

    /// <summary>Reads a unit through.</summary>
    /// <exception cref="Refusal">There is no such unit, or its media server is not connected.</exception>
    /// <exception cref="TroubleException">The media server could not read it, or a key file does not open.</exception>
    public async Task<RebuildReport> Run(string unitName, CancellationToken cancel)
    {
        var unit = await catalog.StorageUnits.Find(unitName) ?? throw Refusal.NotFound("storage-unit", unitName);
        var media = connections.Media(unit.MediaServer) ?? throw Refusal.Unavailable(
            $"media server {unit.MediaServer}", "It is not connected.", "Look whether its service runs and reaches the primary server.");
        var stored = await connections.Ask(media, (IMediaCalls calls) => calls.ListImages(unit.Name), cancel);
        var tally = new Tally();
        var wanted = new List<ImageSummary>();
        // The oldest first, as they would have come: the catalog numbers them so.
        foreach (var image in stored.OrderBy(i => i.Created).ThenBy(i => i.Id))
        {
            var known = await catalog.Images.Find(image.Id);
            if (known is not null && known.StorageUnit != unit.Name) tally.Elsewhere++;
            else if (await catalog.Jobs.Find(image.JobId) is { Kind: JobKind.Backup } job && job.VmId == image.VmId && job.StorageUnit == unit.Name)
            {
                if (known is not null) continue;
                await catalog.Images.Put(JobReports.Row(job, image, await catalog.Hosts.Find(job.Host)));
                tally.Listed++;
            }
            else
            {
                wanted.Add(image);
                if (known is null) tally.Listed++;
                else tally.Refreshed++;
            }
        }
        foreach (var some in wanted.Chunk(AtOnce)) await Take(unit, media, some, tally, cancel);
        if (tally.Domains.Count > 0)
            log.LogWarning("{Unit}: the keys of {Count} key domains are not here: their images have no names", unit.Name, tally.Domains.Count);
        return new RebuildReport(stored.Count, tally.Listed, tally.Refreshed, tally.Elsewhere, tally.Unnamed, [.. tally.Domains.Order()]);
    }

    private async Task Take(StorageUnitRecord unit, Connection media, ImageSummary[] some, Tally tally, CancellationToken cancel)
    {
        var left = some.ToDictionary(i => i.Id);
        while (left.Count > 0)
        {
            IReadOnlyList<Guid> ask = [.. some.Select(i => i.Id).Where(left.ContainsKey)];
            var answer = await connections.Ask(media, (IMediaCalls calls) => calls.ReadImages(unit.Name, ask), cancel);
            var came = 0;
            foreach (var image in answer)
            {
                if (!left.Remove(image.Id, out var listed)) continue;
                came++;
                await catalog.Images.Put(await Row(unit, listed, image.Stored, tally));
            }
            // The others were given up meanwhile.
            if (came == 0) return;
        }
    }

    private async Task<ImageRecord> Row(StorageUnitRecord unit, ImageSummary listed, byte[]? stored, Tally tally)
    {
        var (key, opened) = Open(listed, stored, tally);
        var image = opened?.Image ?? listed;
        if (image.Disks is not { Count: <= MostDisks } disks)
            throw new TroubleException($"image {image.Id:D}", "It has too many disks.", "Look at the storage unit: stillpoint store images.");
        var hosts = await catalog.Hosts.List();
        var inventory = hosts.SelectMany(h => h.Inventory?.Vms ?? []).FirstOrDefault(v => v.Id == image.VmId);
        if (image.Vm is null) tally.Unnamed++;
        return new ImageRecord
        {
            Id = listed.Id,
            VmId = image.VmId,
            Vm = Shown(image.Vm) ?? Shown(inventory?.Name) ?? image.VmId.ToString(),
            Host = HostOf(hosts, key, opened?.HostName),
            StorageUnit = unit.Name,
            KeyDomain = key?.Name ?? (stored is null ? NoHost : options.KeyFormat.DomainOf(stored).ToString("N")),
            JobId = image.JobId,
            Created = image.Created,
            Type = image.Type,
            Consistency = image.Consistency,
            Method = image.Method,
            Disks = [.. disks.Select(d => d with { Name = Shown(d.Name) ?? "disk" })],
            HasBaseNote = image.HasBaseNote,
            Verified = image.Verified,
        };
    }

    private (DomainKey? Key, OpenedImage? Image) Open(ImageSummary listed, byte[]? stored, Tally tally)
    {
        if (stored is null) return (null, null);
        var domain = options.KeyFormat.DomainOf(stored);
        var key = keys.Find(domain);
        if (key is null) tally.Domains.Add(domain);
        var opened = options.KeyFormat.OpenImage(stored, key?.Master);
        if (opened.Trouble is { } trouble) log.LogWarning("image {Image}: {Trouble}", listed.Id, trouble);
        // What the media server said of it in the open and what it holds are two things; the second one is authenticated by the key.
        return opened.Image.Id == listed.Id
            ? (key, opened)
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

    private sealed class Tally
    {
        public int Listed, Refreshed, Elsewhere, Unnamed;

        public HashSet<Guid> Domains { get; } = [];
    }
}
