using System.Collections.Concurrent;
using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>What a unit's list of images says.</summary>
/// <param name="Images">Committed images, newest first, with their notes.</param>
/// <param name="Damaged">Objects that could not be read, and why.</param>
public sealed record ImageList(IReadOnlyList<StoredImage> Images, IReadOnlyList<string> Damaged);

/// <summary>The committed images of a unit, read from their objects. An image exists when its session's end says "committed" and names
/// the digest of its object.</summary>
/// <param name="volume">The unit's volume.</param>
/// <param name="unit">The unit.</param>
/// <param name="newId">Source of names of catalog copies.</param>
internal sealed class UnitCatalog(IVolume volume, Guid unit, Func<Guid> newId)
{
    /// <summary>Objects that are read at once.</summary>
    private const int AtOnce = 32;

    private const int MaxEnd = 4096, MaxNote = SealedCodec.MaxBlob + 4096;

    private readonly ConcurrentDictionary<string, StoredImage?> _byEnd = new();
    private readonly ConcurrentDictionary<string, NoteObject> _notes = new();

    /// <param name="strict">True to throw when an object cannot be read just now, rather than to leave it out: whoever decides by what is
    /// absent must not take a failing disk for it. An object that is damaged is left out either way.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <param name="originals">True to read every object itself, and no copy: a verify wants to know how they are.</param>
    public async Task<ImageList> ListAsync(bool strict, CancellationToken cancel, bool originals = false)
    {
        if (originals)
        {
            _byEnd.Clear();
            _notes.Clear();
        }
        var damaged = new List<string>();
        var ends = await volume.ListAsync(UnitNames.Ends, cancel);
        var notesListed = await volume.ListAsync(UnitNames.Notes, cancel);
        var unread = ends.Count(e => !_byEnd.ContainsKey(e.Name)) + notesListed.Count(e => !_notes.ContainsKey(e.Name));
        var copies = originals || unread < CatalogCopies.Many ? null : await CatalogCopies.LoadAsync(volume, unit, cancel);
        var images = new Dictionary<Guid, StoredImage>();
        foreach (var image in await ReadAllAsync(ends, damaged, strict, entry => ByEndAsync(entry, copies, cancel)))
            if (!images.TryAdd(image.Header.Id, image)) damaged.Add($"image {image.Header.Id:N}: two sessions committed it.");
        var notes = new Dictionary<Guid, List<NoteObject>>();
        foreach (var note in await ReadAllAsync(notesListed, damaged, strict, entry => NoteAsync(entry, copies, cancel)))
        {
            if (!notes.TryGetValue(note.Image, out var list)) notes.Add(note.Image, list = []);
            list.Add(note);
        }
        if (copies is not null) await copies.SaveAsync(newId, cancel);
        var listed = images.Values
            .Select(i => i with { Notes = [.. Ordered(notes.GetValueOrDefault(i.Header.Id)).Select(n => n.Note)] })
            .OrderByDescending(i => i.Header.Created).ThenBy(i => i.Header.Id);
        return new ImageList([.. listed], damaged);
    }

    /// <summary>Lines that name everything a reader can see; their hash is the unit's head.</summary>
    public async Task<string> HeadAsync(CancellationToken cancel)
    {
        var lines = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var entry in await volume.ListAsync(UnitNames.Ends, cancel))
        {
            var end = SessionEnd.Decode((await ReadAsync(entry, MaxEnd, null, cancel)).Span, entry.Name);
            if (end.State == EndState.Committed) lines.Add($"image {end.Image:N} {Convert.ToHexStringLower(end.ImageDigest.Span)}\n");
        }
        foreach (var entry in await volume.ListAsync(UnitNames.Notes, cancel))
            lines.Add($"{entry.Name} {Convert.ToHexStringLower(SHA256.HashData((await ReadAsync(entry, MaxNote, null, cancel)).Span))}\n");
        return Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(string.Concat(lines))));
    }

    private static IEnumerable<NoteObject> Ordered(List<NoteObject>? notes) =>
        notes is null ? [] : notes.OrderBy(n => n.Note.Written).ThenBy(n => n.Id);

    private async Task<StoredImage?> ByEndAsync(VolumeEntry entry, CatalogCopies? copies, CancellationToken cancel)
    {
        if (_byEnd.TryGetValue(entry.Name, out var known))
        {
            copies?.Keep(entry.Name);
            if (known is not null && UnitNames.SessionOf(entry.Name) is { } session) copies?.Keep(UnitNames.Image(known.Header.Id, session));
            return known;
        }
        var end = SessionEnd.Decode((await ReadAsync(entry, MaxEnd, copies, cancel)).Span, entry.Name);
        StoredImage? image = null;
        if (end.State == EndState.Committed)
        {
            var name = UnitNames.Image(end.Image, end.Session);
            // Its digest is in the end, so a copy is as good as the object.
            if (copies is null || !copies.TryTake(name, null, out var bytes) || !Matches(bytes, end)) bytes = await ReadAsync(name, copies, cancel);
            if (!Matches(bytes, end)) throw Damage.Of(name, "it is not what was committed");
            var read = ImageObject.Decode(bytes.Span, name);
            image = new StoredImage(read.Header, read.Details, []);
        }
        _byEnd.TryAdd(entry.Name, image);
        return image;
    }

    private static bool Matches(ReadOnlyMemory<byte> image, SessionEnd end) => SHA256.HashData(image.Span).AsSpan().SequenceEqual(end.ImageDigest.Span);

    private async Task<NoteObject?> NoteAsync(VolumeEntry entry, CatalogCopies? copies, CancellationToken cancel)
    {
        if (_notes.TryGetValue(entry.Name, out var known))
        {
            copies?.Keep(entry.Name);
            return known;
        }
        var note = NoteObject.Decode((await ReadAsync(entry, MaxNote, copies, cancel)).Span, entry.Name);
        _notes.TryAdd(entry.Name, note);
        return note;
    }

    private async Task<ReadOnlyMemory<byte>> ReadAsync(VolumeEntry entry, int most, CatalogCopies? copies, CancellationToken cancel)
    {
        if (entry.Length > most) throw Damage.Of(entry.Name, $"it has {entry.Length} bytes");
        return copies is not null && copies.TryTake(entry.Name, entry.Length, out var copy) ? copy : await ReadAsync(entry.Name, copies, cancel);
    }

    private async Task<ReadOnlyMemory<byte>> ReadAsync(string name, CatalogCopies? copies, CancellationToken cancel)
    {
        var bytes = await SmallObject.ReadAsync(volume, name, cancel);
        copies?.Offer(name, bytes);
        return bytes;
    }

    /// <summary>Reads objects, some at a time, for a bucket takes its time for each.</summary>
    private static async Task<IReadOnlyList<T>> ReadAllAsync<T>(
        IReadOnlyList<VolumeEntry> entries, List<string> damaged, bool strict, Func<VolumeEntry, Task<T?>> read) where T : class
    {
        var all = new List<T>(entries.Count);
        foreach (var some in entries.Chunk(AtOnce))
            all.AddRange((await Task.WhenAll(some.Select(entry => GuardAsync(damaged, strict, () => read(entry))))).OfType<T>());
        return all;
    }

    private static async Task<T?> GuardAsync<T>(List<string> damaged, bool strict, Func<Task<T?>> read) where T : class
    {
        string why;
        try
        {
            return await read();
        }
        catch (TroubleException e)
        {
            why = e.Trouble.ToString();
        }
        catch (IOException e) when (!strict || e is FileNotFoundException)
        {
            why = e.Message;
        }
        lock (damaged) damaged.Add(why);
        return null;
    }
}
