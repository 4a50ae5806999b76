using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Brings the notes of an image that was copied, and leaves word of the copy at the source.</summary>
internal static class NoteCopy
{
    /// <returns>Number of notes brought.</returns>
    public static async Task<int> RunAsync(StorageUnit from, StorageUnit to, StoredImage image, CancellationToken cancel)
    {
        var prefix = $"{UnitNames.Notes}{image.Header.Id:N}.";
        var mine = await NamesAsync(to, prefix, cancel);
        var brought = 0;
        foreach (var name in await NamesAsync(from, prefix, cancel))
        {
            if (mine.Contains(name) || Kind(name) is not { } kind || !Travels(kind)) continue;
            // As it is: what it says is sealed for the image, not for the unit.
            var bytes = await SmallObject.ReadAsync(from.Volume, name, cancel);
            NoteObject.Decode(bytes, name);
            if (await to.Volume.PutIfAbsentAsync(name, bytes, cancel)) brought++;
        }
        await KeepAsync(from, to, image.Header.Id, cancel);
        var copy = $"{to.Parameters.UnitId:N}";
        if (!image.Notes.Any(n => n.Kind == NoteKind.Copied && n.Payload.IsOpen && n.Payload.OpenText() == copy))
            await from.AnnotateAsync(image.Header.Id, NoteKind.Copied, SealedBlob.Open(copy), cancel);
        return brought;
    }

    /// <summary>A hold and a lock hold for the copy too, from the first time on; what is said of the copy itself stands over them.</summary>
    private static async Task KeepAsync(StorageUnit from, StorageUnit to, Guid image, CancellationToken cancel)
    {
        var keeping = await from.Keepings.OfAsync(image, cancel);
        if ((await to.Keepings.OfAsync(image, cancel)).Entries > 0) return;
        if (keeping.LockedUntil is { } until) await Keeper.LockAsync(to, image, until, cancel);
        if (keeping.Held) await Keeper.HoldAsync(to, image, keeping.HoldReason, cancel);
    }

    /// <summary>What a verify found and where copies are is true of one unit only.</summary>
    private static bool Travels(NoteKind kind) => kind is not (NoteKind.Verified or NoteKind.Damaged or NoteKind.Copied);

    private static NoteKind? Kind(string name) => name.Split('.') is [_, _, var word, _] && Model.Words.TryParse<NoteKind>(word, out var kind) ? kind : null;

    private static async Task<HashSet<string>> NamesAsync(StorageUnit unit, string prefix, CancellationToken cancel) =>
        [.. (await unit.Volume.ListAsync(UnitNames.Notes, cancel)).Select(e => e.Name).Where(n => n.StartsWith(prefix, StringComparison.Ordinal))];
}
