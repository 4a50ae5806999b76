using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>
/// Whether an image may be trusted: as a base, and to fill a place of a retention. Change tracking that missed a write
/// (<see cref="NoteKind.Suspect"/>) is never mended: the image is not what the VM was. Damage of what is stored may be healed, so of the notes
/// <see cref="NoteKind.Damaged"/> and <see cref="NoteKind.Verified"/> the newest counts.
/// </summary>
public static class ImageDoubt
{
    /// <summary>Words of what <see cref="Of"/> says.</summary>
    public const string Suspect = "suspect", Damaged = "damaged";

    /// <summary>What is wrong with an image; null when nothing is known.</summary>
    /// <param name="image">The image, its notes oldest first.</param>
    /// <param name="keys">Keys of its domain; without them the kinds of the notes tell, which lie in the open.</param>
    /// <exception cref="TroubleException">A note was altered.</exception>
    public static string? Of(StoredImage image, DomainKeys? keys)
    {
        ArgumentNullException.ThrowIfNull(image);
        return IsSuspect(image) ? Suspect : IsDamaged(image, keys) ? Damaged : null;
    }

    /// <summary>All that is wrong with an image, as <see cref="Of"/> says it: what a restore meets first.</summary>
    /// <param name="image">The image, its notes oldest first.</param>
    /// <param name="keys">Keys of its domain, or null.</param>
    /// <exception cref="TroubleException">A note was altered.</exception>
    public static IReadOnlyList<string> All(StoredImage image, DomainKeys? keys)
    {
        ArgumentNullException.ThrowIfNull(image);
        return [.. IsDamaged(image, keys) ? [Damaged] : Array.Empty<string>(), .. IsSuspect(image) ? [Suspect] : Array.Empty<string>()];
    }

    private static bool IsSuspect(StoredImage image) => image.Notes.Any(n => n.Kind == NoteKind.Suspect);

    private static bool IsDamaged(StoredImage image, DomainKeys? keys)
    {
        if (keys?.Domain == image.Header.Domain) return ImageSummaries.LastVerify(image, keys) is { Result: "damaged" };
        return image.Notes.LastOrDefault(n => n.Kind is NoteKind.Damaged or NoteKind.Verified) is { Kind: NoteKind.Damaged };
    }
}
