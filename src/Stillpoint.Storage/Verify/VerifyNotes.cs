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
        var known = (await unit.ListImagesAsync(cancel)).Images.ToDictionary(i => i.Header.Id);
        foreach (var image in report.Images)
        {
            var before = known.GetValueOrDefault(image.Id)?.Notes ?? [];
            var (kind, payload) = image.Sound ? Sound(unit, keys, image, report, random) : Damaged(keys, image, before, random);
            if (payload is null) continue;
            // Dated after all that was said before: of two verifies the later counts, whatever the clocks of their hosts said. What is in the open
            // and of a time to come stands back anyway, and must not draw what is sealed to its date.
            await Notes.PutAsync(unit, image.Id, kind, payload, cancel, NoteOrder.Last(before, unit.Environment.Latest));
        }
    }

    /// <summary>Only who holds the key vouches, and a part that is sound says nothing of the rest.</summary>
    private static (NoteKind Kind, SealedBlob? Payload) Sound(
        StorageUnit unit, DomainKeys? keys, VerifiedImage image, VerifyReport report, RandomNumberGenerator random) =>
        (NoteKind.Verified, keys is null || report.Partial
            ? null
            : NoteCodec.Seal(keys, image.Id, new VerifyResult(unit.Environment.Time.GetUtcNow(), "sound", report.Kind), random));

    /// <summary>Said once, until a later verify lifts it.</summary>
    private static (NoteKind Kind, SealedBlob? Payload) Damaged(
        DomainKeys? keys, VerifiedImage image, IReadOnlyList<ImageNote> before, RandomNumberGenerator random)
    {
        if (before.LastOrDefault(n => n.Kind is NoteKind.Damaged or NoteKind.Verified) is { Kind: NoteKind.Damaged }) return (NoteKind.Damaged, null);
        var why = $"a verify found it damaged: {image.Why}";
        why = why.Length > MostWords ? why[..MostWords] : why;
        return (NoteKind.Damaged, keys is null ? SealedBlob.Open(why) : NoteCodec.SealText(keys, image.Id, NoteKind.Damaged, why, random));
    }
}
