using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Writes notes.</summary>
internal static class Notes
{
    /// <param name="unit">The unit.</param>
    /// <param name="imageId">The image.</param>
    /// <param name="kind">What the note says.</param>
    /// <param name="payload">Its content.</param>
    /// <param name="cancel">Gives up.</param>
    /// <param name="after">The note is dated after this, whatever the clock says: a note that lifts another must come after it. After the end of
    /// time nothing can come, and the note is dated there too.</param>
    public static async Task PutAsync(
        StorageUnit unit, Guid imageId, NoteKind kind, SealedBlob payload, CancellationToken cancel, DateTimeOffset after = default)
    {
        if (kind == NoteKind.Hold) throw UnitTrouble.Refused(unit.Name, "a hold is no note.", "hold the image: stillpoint store hold UNIT IMAGE");
        var now = unit.Environment.Time.GetUtcNow();
        if (now <= after) now = after < DateTimeOffset.MaxValue ? after.AddTicks(1) : after;
        var note = new NoteObject(imageId, unit.Environment.NewId(), new ImageNote(kind, now, payload));
        if (!await unit.Volume.PutIfAbsentAsync(note.Name, note.Encode(), cancel))
            throw UnitTrouble.Refused(unit.Name, $"note {note.Name} exists already.", "try again");
    }
}
