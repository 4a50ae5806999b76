using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>What a repair did.</summary>
/// <param name="Chunks">Chunks brought from the other unit.</param>
/// <param name="Bytes">Their sealed bytes.</param>
/// <param name="Lost">What neither unit has sound; empty when every image is whole again.</param>
public sealed record RepairReport(long Chunks, long Bytes, IReadOnlyList<string> Lost);

/// <summary>
/// Heals a unit from another that holds the same chunks: what is missing, and what a verify found damaged, is brought for every image. The
/// damaged records stay where they are and count for nothing. No image is made or changed.
/// </summary>
public static class UnitRepair
{
    /// <param name="unit">The unit to heal.</param>
    /// <param name="other">The unit that sound records come from.</param>
    /// <param name="keys">Keys of the domain to heal: each chunk is proved before it is taken over. Null heals all domains and trusts the checksums.</param>
    /// <param name="progress">Sealed bytes brought so far.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="TroubleException">The units do not fit, or either failed.</exception>
    public static async Task<RepairReport> RunAsync(StorageUnit unit, StorageUnit other, DomainKeys? keys, IProgress<long>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(other);
        UnitDuplicate.CheckPair(other, unit);
        try
        {
            var images = (await unit.ListImagesAsync(strict: true, cancel)).Images.Where(i => keys is null || i.Header.Domain == keys.Domain);
            var report = new RepairReport(0, 0, []);
            foreach (var domain in images.GroupBy(i => i.Header.Domain)) report = Sum(report, await HealAsync(unit, other, [.. domain], keys, progress, cancel));
            return report;
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io($"{unit.Name} or {other.Name}", e);
        }
    }

    private static async Task<RepairReport> HealAsync(
        StorageUnit unit, StorageUnit other, IReadOnlyList<StoredImage> images, DomainKeys? keys, IProgress<long>? progress, CancellationToken cancel)
    {
        var domain = images[0].Header.Domain;
        using var opener = keys is null ? null : new RecordOpener(keys);
        // A session that commits nothing: its packs serve by what they hold, as those of a backup that was cut off.
        await using var writer = (WriterSession)await unit.OpenWriterAsync(new WriterScope(domain), cancel);
        var index = await unit.FreshIndexAsync(domain, cancel);
        var own = new RecordReads(unit.Volume, index, token => unit.FreshIndexAsync(domain, token));
        var copy = new TreeCopy(new CopySource(other, await other.FreshIndexAsync(domain, cancel), (own, index)), writer, opener, progress) { GoOn = true };
        foreach (var stream in images.SelectMany(i => i.Header.Streams)) await copy.RunAsync(stream, default, cancel);
        await copy.FinishAsync(cancel);
        await writer.FlushAsync(cancel);
        return new RepairReport(copy.Brought.Chunks, copy.Brought.Bytes, copy.Lost);
    }

    private static RepairReport Sum(RepairReport left, RepairReport right) =>
        new(left.Chunks + right.Chunks, left.Bytes + right.Bytes, [.. left.Lost, .. right.Lost]);
}
