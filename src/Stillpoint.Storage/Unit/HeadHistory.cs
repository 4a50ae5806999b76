using System.Security.Cryptography;
using System.Text;

namespace Stillpoint.Storage;

/// <summary>What became of a unit since it had a head that somebody remembered.</summary>
/// <param name="At">When its state was that of the head for the last time, by the dates of its objects.</param>
/// <param name="NewImages">Images that were committed since.</param>
/// <param name="GivenUp">Images that were given up since.</param>
/// <param name="NewNotes">Objects that were added since beside images: notes, keepings, broken glass; their names.</param>
public sealed record HeadChange(DateTimeOffset At, IReadOnlyList<Guid> NewImages, IReadOnlyList<Guid> GivenUp, IReadOnlyList<string> NewNotes);

/// <summary>One line of a head, with what tells when it was part of it.</summary>
/// <param name="Text">The line, with its end.</param>
/// <param name="Written">From then on; the beginning of time where an object cannot say.</param>
/// <param name="Image">The image that it is of; null for broken glass.</param>
/// <param name="Object">Name of the note, keeping or broken glass; null for the image itself.</param>
internal sealed record HeadLine(string Text, DateTimeOffset Written, Guid? Image, string? Object);

/// <summary>The states that a unit went through, as far as the dates of its objects tell: clocks that went back, and what was collected since, hide some.
/// A head that none of them has is that of a unit which lost something, or of another.</summary>
internal static class HeadHistory
{
    /// <summary>Bytes that are hashed at most: an answer is worth a few seconds.</summary>
    private const long MostWork = 1L << 30;

    /// <summary>The unit's head for these lines.</summary>
    public static string HeadOf(IEnumerable<string> sorted) => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(sorted))));

    /// <summary>Looks for a head, from now back; null where it is not found.</summary>
    /// <param name="lines">All lines, those of images that were given up too.</param>
    /// <param name="givenUp">When images were given up.</param>
    /// <param name="head">The head.</param>
    public static HeadChange? Find(IReadOnlyList<HeadLine> lines, IReadOnlyDictionary<Guid, DateTimeOffset> givenUp, string head)
    {
        var sorted = lines.OrderBy(l => l.Text, StringComparer.Ordinal).ToList();
        var size = Math.Max(1, sorted.Sum(l => (long)l.Text.Length));
        bool Gone(HeadLine line, DateTimeOffset at) => line.Image is { } image && givenUp.TryGetValue(image, out var since) && since <= at;
        foreach (var at in lines.Select(l => l.Written).Concat(givenUp.Values).Append(DateTimeOffset.MinValue).Distinct().OrderDescending().Take((int)Math.Min(int.MaxValue, MostWork / size + 1)))
        {
            if (!string.Equals(HeadOf(sorted.Where(l => l.Written <= at && !Gone(l, at)).Select(l => l.Text)), head, StringComparison.OrdinalIgnoreCase)) continue;
            var since = sorted.Where(l => l.Written > at && !Gone(l, DateTimeOffset.MaxValue)).ToList();
            return new HeadChange(
                at, [.. since.Where(l => l.Object is null).Select(l => l.Image!.Value)],
                [.. givenUp.Where(g => g.Value > at).Select(g => g.Key).Order()], [.. since.Select(l => l.Object).OfType<string>()]);
        }
        return null;
    }
}
