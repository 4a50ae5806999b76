using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>
/// The order in which the notes of an image count, oldest first. A note in the open may be anybody's, so where its date is still to come, and no note
/// that a key holder sealed has a date like it, it comes before all others: else a note of the year 9999 would stand over whatever a verify with the
/// key finds. docs/FORMAT.md, "Notes".
/// </summary>
internal static class NoteOrder
{
    /// <summary>A note that answers one of a clock that ran ahead is dated just after it.</summary>
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(1);

    /// <summary>The notes, oldest first. Of two at the same moment the damage counts.</summary>
    /// <param name="notes">The notes of one image, in any order.</param>
    /// <param name="latest">See <see cref="UnitEnvironment.Latest"/>.</param>
    public static IEnumerable<NoteObject> Of(IReadOnlyList<NoteObject> notes, DateTimeOffset latest)
    {
        if (notes.Count < 2) return notes;
        var bound = Bound(notes.Select(n => n.Note), latest);
        return notes.OrderBy(n => IsAhead(n.Note, bound) ? DateTimeOffset.MinValue : n.Note.Written).ThenBy(n => n.Note.Kind == NoteKind.Damaged).ThenBy(n => n.Id);
    }

    /// <summary>The date of the last note that counts by its date; the year 1 where there is none.</summary>
    public static DateTimeOffset Last(IReadOnlyList<ImageNote> notes, DateTimeOffset latest)
    {
        var bound = Bound(notes, latest);
        return notes.Where(n => !IsAhead(n, bound)).Select(n => n.Written).DefaultIfEmpty().Max();
    }

    private static bool IsAhead(ImageNote note, DateTimeOffset bound) => note.Payload.IsOpen && note.Written > bound;

    private static DateTimeOffset Bound(IEnumerable<ImageNote> notes, DateTimeOffset latest)
    {
        var last = notes.Where(n => !n.Payload.IsOpen).Select(n => n.Written).DefaultIfEmpty().Max();
        return last <= latest ? latest : last < DateTimeOffset.MaxValue - s_answer ? last + s_answer : DateTimeOffset.MaxValue;
    }
}
