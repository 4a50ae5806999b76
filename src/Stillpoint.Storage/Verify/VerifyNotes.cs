using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Writes beside each image what a verify found, so that it is remembered with the unit: when it was last sound, and that a damaged one
/// is never built on.</summary>
public static class VerifyNotes
{
    private const int MostWords = 500;

    /// <param name="unit">The unit.</param>
    /// <param name="keys">Keys of the verify; null where it looked at stored bytes: then only damage is noted, in the open.</param>
    /// <param name="report">What it found.</param>
    /// <param name="random">Source of salts.</param>
    /// <param name="cancel">Ends the work.</param>
    public static async Task WriteAsync(StorageUnit unit, DomainKeys? keys, VerifyReport report, RandomNumberGenerator random, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(report);
        var suspect = (await unit.ListImagesAsync(cancel)).Images.Where(i => i.Notes.Any(n => n.Kind == NoteKind.Suspect)).Select(i => i.Header.Id).ToHashSet();
        var now = unit.Environment.Time.GetUtcNow();
        foreach (var image in report.Images)
        {
            // A part that is sound says nothing of the rest; a part that is damaged does.
            if (keys is not null && !(report.Partial && image.Sound))
            {
                var result = new VerifyResult(now, image.Sound ? "sound" : "damaged", report.Kind);
                await unit.AnnotateAsync(image.Id, NoteKind.Verified, NoteCodec.Seal(keys, image.Id, result, random), cancel);
            }
            if (image.Sound || suspect.Contains(image.Id)) continue;
            var why = $"a verify found it damaged: {image.Why}";
            why = why.Length > MostWords ? why[..MostWords] : why;
            var payload = keys is null ? SealedBlob.Open(why) : NoteCodec.SealText(keys, image.Id, NoteKind.Suspect, why, random);
            await unit.AnnotateAsync(image.Id, NoteKind.Suspect, payload, cancel);
        }
    }
}
