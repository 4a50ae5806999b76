using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Writes notes.</summary>
internal static class Notes
{
    public static async Task PutAsync(StorageUnit unit, Guid imageId, NoteKind kind, SealedBlob payload, CancellationToken cancel)
    {
        if (kind == NoteKind.Hold) throw UnitTrouble.Refused(unit.Name, "a hold is no note.", "hold the image: stillpoint store hold DIR IMAGE");
        var note = new NoteObject(imageId, unit.Environment.NewId(), new ImageNote(kind, unit.Environment.Time.GetUtcNow(), payload));
        if (!await unit.Volume.PutIfAbsentAsync(note.Name, note.Encode(), cancel))
            throw UnitTrouble.Refused(unit.Name, $"note {note.Name} exists already.", "try again");
    }
}
