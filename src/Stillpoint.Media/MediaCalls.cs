using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;
using Stillpoint.Transport;
using StorageUnit = Stillpoint.Storage.StorageUnit;

namespace Stillpoint.Media;

/// <summary>What the primary asks of this media server.</summary>
internal sealed class MediaCalls(AttachedUnits units, UnitCollects collects, ListedImages listed, MediaEnvironment environment) : IMediaCalls
{
    /// <summary>Bytes of images in one answer, and of one image: both sides hold an answer whole.</summary>
    private const int MostBytes = 4 << 20;

    public async Task<StorageUnitInfo> AttachUnit(string name, string folder, int chunkSize, int compressionLevel)
    {
        var info = await units.AttachAsync(name, folder, chunkSize, compressionLevel, CancellationToken.None);
        environment.Log.LogInformation("Storage unit '{Name}' is attached: {Folder}.", name, info.Folder);
        return info;
    }

    public async Task<IReadOnlyList<ImageSummary>> ListImages(string unit)
    {
        var list = await (await OpenAsync(unit)).ListImagesAsync(CancellationToken.None);
        foreach (var damaged in list.Damaged) environment.Log.LogWarning("Storage unit '{Unit}': {Damage}", unit, damaged);
        // Whoever asks for the images themselves asks for these, a few at a time.
        listed.Keep(unit, list.Images);
        return [.. list.Images.Select(image => ImageSummaries.Of(image, null))];
    }

    public async Task<IReadOnlyList<SealedImage>> ReadImages(string unit, IReadOnlyList<Guid> images)
    {
        var opened = await OpenAsync(unit);
        await opened.CheckPresentAsync(CancellationToken.None);
        var there = listed.Find(unit);
        if (there is null || !images.All(there.ContainsKey))
            there = listed.Keep(unit, (await opened.ListImagesAsync(CancellationToken.None)).Images);
        var (answer, bytes) = (new List<SealedImage>(), 0L);
        foreach (var image in images.Where(there.ContainsKey))
        {
            var stored = StoredImageBytes.Write(there[image]);
            if (answer.Count > 0 && bytes + stored.Length > MostBytes) break;
            bytes += stored.Length;
            answer.Add(new SealedImage(image, stored.Length > MostBytes ? null : stored));
        }
        return answer;
    }

    public async Task<string> ReadHead(string unit) => await (await OpenAsync(unit)).HeadAsync(CancellationToken.None);

    public async Task AttachPrimary(string unit, byte[] publicKey)
    {
        await Attachment.AttachAsync(await OpenAsync(unit), publicKey, CancellationToken.None);
        environment.Log.LogInformation("Storage unit '{Unit}' deletes only by plans that its primary server signed.", unit);
    }

    public async Task DetachPrimary(string unit, DetachOrder order)
    {
        await Attachment.DetachAsync(await OpenAsync(unit), order, CancellationToken.None);
        environment.Log.LogInformation("Storage unit '{Unit}' is attached to no primary server.", unit);
    }

    public async Task<PrunePlan> PlanPrune(string unit, RetentionPolicy policy, Guid? vm) =>
        await Pruner.PlanAsync(await OpenAsync(unit), policy, vm, null, CancellationToken.None);

    public async Task<IReadOnlyList<Guid>> ExecutePrune(string unit, PrunePlan plan)
    {
        var gone = await Pruner.ExecuteAsync(await OpenAsync(unit), plan, null, null, CancellationToken.None);
        environment.Log.LogInformation("Storage unit '{Unit}': {Count} images were given up by a plan.", unit, gone.Count);
        return gone;
    }

    public async Task<CollectPlan> PlanCollect(string unit) => await CollectPlans.MakeAsync(await OpenAsync(unit), CancellationToken.None);

    public async Task<CollectState> StartCollect(string unit, CollectPlan plan) => collects.Start(unit, await OpenAsync(unit), plan);

    public Task<CollectState> ReadCollect(string unit) => Task.FromResult(collects.Of(unit));

    private Task<StorageUnit> OpenAsync(string unit) => units.OpenAsync(unit, CancellationToken.None);

    public async Task<VerifyResult> Verify(string unit, Guid imageId)
    {
        var opened = await units.OpenAsync(unit, CancellationToken.None);
        if ((await opened.ListImagesAsync(CancellationToken.None)).Images.All(i => i.Header.Id != imageId))
            throw new TroubleException($"storage unit {unit}", $"It holds no image {imageId:D}.", "Look at the unit's images: image list.");
        var report = await UnitVerify.RunAsync(opened, new VerifyOptions { Image = imageId }, null, null, CancellationToken.None);
        var image = report.Images.Single(i => i.Id == imageId);
        // A damaged image is never built on; the note says so to whoever asks the unit.
        using var random = RandomNumberGenerator.Create();
        await VerifyNotes.WriteAsync(opened, null, report, random, CancellationToken.None);
        if (!image.Sound) environment.Log.LogWarning("Image {Image} of storage unit '{Unit}' is damaged: {Why}", imageId, unit, image.Why);
        return new VerifyResult(environment.Time.GetUtcNow(), image.Sound ? "sound" : "damaged", report.Kind);
    }
}
