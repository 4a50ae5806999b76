using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>
/// Brings the catalog to what the storage units hold, which is the truth: an image that was committed and whose client ended before it could
/// report it is found here. Only rows are added; what a unit does not list stays, and is told. Images of jobs that are not known here are counted:
/// to list them is <see cref="ImageRebuild"/>'s.
/// </summary>
internal sealed class ImageSync(CatalogStore catalog, Connections connections, Errands errands, ILogger<ImageSync> log)
{
    private const int AtOnce = 200;

    /// <summary>Compares all units of a media server, in the background.</summary>
    public void ServerSoon(string mediaServer) => errands.Run($"images of {mediaServer}", async stop =>
    {
        foreach (var unit in (await catalog.StorageUnits.List()).Where(u => u.MediaServer == mediaServer)) await Compare(unit, stop);
    });

    /// <summary>Compares one unit, in the background.</summary>
    public void UnitSoon(string name) => errands.Run($"images of {name}", async stop =>
    {
        if (await catalog.StorageUnits.Find(name) is { } unit) await Compare(unit, stop);
    });

    private async Task Compare(StorageUnitRecord unit, CancellationToken stop)
    {
        if (connections.Media(unit.MediaServer) is not { } media) return;
        IReadOnlyList<ImageSummary> stored;
        try
        {
            stored = await connections.Ask(media, (Transport.IMediaCalls calls) => calls.ListImages(unit.Name), stop);
        }
        catch (Exception e) when (e is TroubleException or Refusal)
        {
            log.LogWarning("images of {Unit}: {Message}", unit.Name, e.Message);
            return;
        }
        var (strangers, odd) = (0, 0);
        foreach (var some in stored.OfType<ImageSummary>().DistinctBy(i => i.Id).Chunk(AtOnce))
        {
            stop.ThrowIfCancellationRequested();
            var known = await catalog.Images.UnitsOf([.. some.Select(i => i.Id)]);
            var jobs = await catalog.Jobs.Find([.. some.Select(i => i.JobId)]);
            var rows = new List<ImageRecord>();
            foreach (var image in some.Where(i => !known.ContainsKey(i.Id)))
            {
                // The unit knows neither the VM's name nor its host: the job does. A media server that names another VM's job gets no row.
                var job = jobs.GetValueOrDefault(image.JobId);
                if (job is not { Kind: JobKind.Backup } || job.VmId != image.VmId || job.StorageUnit != unit.Name) strangers++;
                else if (JobReports.Flaw(image) is not null) odd++;
                else rows.Add(JobReports.Row(job, image, await catalog.Hosts.Find(job.Host)));
            }
            await catalog.Images.Put(rows);
            foreach (var row in rows) log.LogInformation("image {Image} of {Vm} was found in {Unit} and is listed", row.Id, row.Vm, unit.Name);
        }
        if (odd > 0) log.LogWarning("{Unit}: {Count} images are out of bounds and not listed", unit.Name, odd);
        if (strangers > 0) log.LogWarning(
                "{Unit} holds {Count} images of jobs that this catalog does not know; to list them: stillpoint storage-unit rebuild {Name}",
                unit.Name, strangers, unit.Name);
    }
}
