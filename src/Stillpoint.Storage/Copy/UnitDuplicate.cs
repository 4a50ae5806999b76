using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>What a duplicate did.</summary>
/// <param name="Images">Images that were copied by this run.</param>
/// <param name="There">Images that the target had already.</param>
/// <param name="Chunks">Chunks that travelled.</param>
/// <param name="Bytes">Their sealed bytes.</param>
/// <param name="Notes">Notes that were brought.</param>
/// <param name="GivenUp">Images that were left out, since they were given up at the target.</param>
public sealed record DuplicateReport(IReadOnlyList<Guid> Images, int There, long Chunks, long Bytes, int Notes, int GivenUp);

/// <summary>
/// Copies images from one unit to another, any number of times: what the target has does not travel again. Each image is committed there by a
/// session of its own as a backup's is, so a crash leaves whole images or none, and the next run goes on with the chunks that did arrive.
/// Header and details stay as they are, so an image keeps its id. Needs no key.
/// </summary>
public static class UnitDuplicate
{
    /// <param name="from">Where images come from.</param>
    /// <param name="to">Where they go.</param>
    /// <param name="wanted">Which images.</param>
    /// <param name="progress">Sealed bytes that travelled so far.</param>
    /// <param name="cancel">Ends the work between two images or within one.</param>
    /// <exception cref="TroubleException">The units do not fit, or either failed.</exception>
    public static async Task<DuplicateReport> RunAsync(
        StorageUnit from, StorageUnit to, Func<StoredImage, bool> wanted, IProgress<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        ArgumentNullException.ThrowIfNull(wanted);
        CheckPair(from, to);
        try
        {
            return await CopyAsync(from, to, wanted, progress, cancel);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io($"{from.Name} or {to.Name}", e);
        }
    }

    /// <summary>About how many bytes a copy of all images brings. Of a key domain that the target has nothing of, all of its data; of others what the
    /// missing images added to their unit when they were made, which is too little where an image that was given up since had brought what they
    /// refer to.</summary>
    public static async Task<long> EstimateAsync(StorageUnit from, StorageUnit to, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        var there = (await to.ListImagesAsync(cancel)).Images.Select(i => i.Header.Id).ToHashSet();
        var begun = await to.DomainsAsync(cancel);
        var bytes = 0L;
        foreach (var domain in (await from.ListImagesAsync(cancel)).Images.Where(i => !there.Contains(i.Header.Id)).GroupBy(i => i.Header.Domain))
        {
            bytes += begun.Contains(domain.Key)
                ? domain.Sum(i => i.Header.Streams.Sum(s => s.BytesWire))
                : (await from.Volume.ListAsync(UnitNames.Packs(domain.Key), cancel)).Where(e => e.Name.EndsWith(".data", StringComparison.Ordinal)).Sum(e => e.Length);
        }
        return bytes;
    }

    /// <summary>Refuses units between which records cannot be copied as they are.</summary>
    internal static void CheckPair(StorageUnit from, StorageUnit to)
    {
        if (from.Parameters.UnitId == to.Parameters.UnitId)
            throw UnitTrouble.Refused(to.Name, $"it is the same unit as {from.Name}.", "name two different units");
        if (from.Parameters.ChunkSize != to.Parameters.ChunkSize)
        {
            throw UnitTrouble.Refused(
                to.Name, $"its chunks have {Bytes.Format(to.Parameters.ChunkSize)}, those of {from.Name} {Bytes.Format(from.Parameters.ChunkSize)}.",
                $"give one with chunks of the same size; to make one: stillpoint store init UNIT --chunk-size {from.Parameters.ChunkSize / 1024}K");
        }
    }

    private static async Task<DuplicateReport> CopyAsync(
        StorageUnit from, StorageUnit to, Func<StoredImage, bool> wanted, IProgress<long>? progress, CancellationToken cancel)
    {
        // Oldest first: a base is there before what was built on it, which then shares its tree.
        var images = (await from.ListImagesAsync(strict: true, cancel)).Images.Where(wanted).OrderBy(i => i.Header.Created).ThenBy(i => i.Header.Id).ToList();
        var there = (await to.ListImagesAsync(strict: true, cancel)).Images.ToDictionary(i => i.Header.Id);
        var copied = new List<Guid>();
        long chunks = 0, bytes = 0;
        int notes = 0, givenUp = 0;
        foreach (var image in images)
        {
            if (!there.TryGetValue(image.Header.Id, out var twin))
            {
                if ((await to.Keepings.OfAsync(image.Header.Id, cancel)).Expired)
                {
                    // Given up for good there; it would not be seen.
                    givenUp++;
                    continue;
                }
                var done = bytes;
                var brought = await CopyAsync(from, to, image, there, progress is null ? null : new Offset(progress, done), cancel);
                (chunks, bytes) = (chunks + brought.Chunks, bytes + brought.Bytes);
                copied.Add(image.Header.Id);
                there.Add(image.Header.Id, image);
            }
            else if (!SameImage(image, twin))
            {
                throw UnitTrouble.Refused(to.Name, $"it has another image under the id {image.Header.Id:D}.", "run store verify on both units");
            }
            notes += await NoteCopy.RunAsync(from, to, image, cancel);
        }
        return new DuplicateReport(copied, images.Count - copied.Count - givenUp, chunks, bytes, notes, givenUp);
    }

    private static async Task<(long Chunks, long Bytes)> CopyAsync(
        StorageUnit from, StorageUnit to, StoredImage image, Dictionary<Guid, StoredImage> there, IProgress<long>? progress, CancellationToken cancel)
    {
        var header = image.Header;
        var source = new CopySource(from, await from.FreshIndexAsync(header.Domain, cancel));
        await using var writer = (WriterSession)await to.OpenWriterAsync(new WriterScope(header.Domain, ImageId: header.Id, Copy: true), cancel);
        var copy = new TreeCopy(source, writer, null, progress);
        var before = header.BaseImageId is { } id && there.TryGetValue(id, out var found) && found.Header.Domain == header.Domain ? found.Header.Streams : [];
        for (var i = 0; i < header.Streams.Count; i++)
        {
            var stream = header.Streams[i];
            var shared = i < before.Count && before[i].Length == stream.Length && before[i].Kind == stream.Kind ? before[i].Root : default;
            await copy.RunAsync(stream, shared, cancel);
        }
        await copy.FinishAsync(cancel);
        await writer.CommitAsync(header, image.Details, copy.Totals, cancel);
        return copy.Brought;
    }

    private static bool SameImage(StoredImage left, StoredImage right) =>
        ImageHeaderCodec.Encode(left.Header).AsSpan().SequenceEqual(ImageHeaderCodec.Encode(right.Header))
        && left.Details.Bytes.Span.SequenceEqual(right.Details.Bytes.Span);

    private sealed class Offset(IProgress<long> inner, long before) : IProgress<long>
    {
        public void Report(long value) => inner.Report(before + value);
    }
}
