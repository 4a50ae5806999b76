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
internal sealed class UnitCatalog(IVolume volume)
{
    private const int MaxEnd = 4096, MaxNote = SealedCodec.MaxBlob + 4096;

    private readonly ConcurrentDictionary<string, StoredImage?> _byEnd = new();

    /// <param name="strict">True to throw when an object cannot be read just now, rather than to leave it out: whoever decides by what is
    /// absent must not take a failing disk for it. An object that is damaged is left out either way.</param>
    /// <param name="cancel">Ends the work.</param>
    public async Task<ImageList> ListAsync(bool strict, CancellationToken cancel)
    {
        var damaged = new List<string>();
        var images = new Dictionary<Guid, StoredImage>();
        foreach (var entry in await volume.ListAsync(UnitNames.Ends, cancel))
        {
            if (await GuardAsync(damaged, strict, () => ByEndAsync(entry, cancel)) is not { } image) continue;
            if (!images.TryAdd(image.Header.Id, image)) damaged.Add($"image {image.Header.Id:N}: two sessions committed it.");
        }
        var notes = new Dictionary<Guid, List<NoteObject>>();
        foreach (var entry in await volume.ListAsync(UnitNames.Notes, cancel))
        {
            if (await GuardAsync(damaged, strict, async () => NoteObject.Decode(await ReadAsync(entry, MaxNote, cancel), entry.Name)) is not { } note) continue;
            if (!notes.TryGetValue(note.Image, out var list)) notes.Add(note.Image, list = []);
            list.Add(note);
        }
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
            var end = SessionEnd.Decode(await ReadAsync(entry, MaxEnd, cancel), entry.Name);
            if (end.State == EndState.Committed) lines.Add($"image {end.Image:N} {Convert.ToHexStringLower(end.ImageDigest.Span)}\n");
        }
        foreach (var entry in await volume.ListAsync(UnitNames.Notes, cancel))
            lines.Add($"{entry.Name} {Convert.ToHexStringLower(SHA256.HashData(await ReadAsync(entry, MaxNote, cancel)))}\n");
        return Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(string.Concat(lines))));
    }

    private static IEnumerable<NoteObject> Ordered(List<NoteObject>? notes) =>
        notes is null ? [] : notes.OrderBy(n => n.Note.Written).ThenBy(n => n.Id);

    private async Task<StoredImage?> ByEndAsync(VolumeEntry entry, CancellationToken cancel)
    {
        if (_byEnd.TryGetValue(entry.Name, out var known)) return known;
        var end = SessionEnd.Decode(await ReadAsync(entry, MaxEnd, cancel), entry.Name);
        StoredImage? image = null;
        if (end.State == EndState.Committed)
        {
            var name = UnitNames.Image(end.Image, end.Session);
            var bytes = await ReadAsync(new VolumeEntry(name, SealedCodec.MaxBlob), int.MaxValue, cancel);
            if (!SHA256.HashData(bytes).AsSpan().SequenceEqual(end.ImageDigest.Span)) throw Damage.Of(name, "it is not what was committed");
            var read = ImageObject.Decode(bytes, name);
            foreach (var pack in read.Packs) volume.Pin(UnitNames.Pack(read.Header.Domain, pack.Pack, pack.Kind), pack.Version);
            image = new StoredImage(read.Header, read.Details, []);
        }
        _byEnd.TryAdd(entry.Name, image);
        return image;
    }

    private async Task<byte[]> ReadAsync(VolumeEntry entry, int most, CancellationToken cancel)
    {
        if (entry.Length > most) throw Damage.Of(entry.Name, $"it has {entry.Length} bytes");
        return await SmallObject.ReadAsync(volume, entry.Name, cancel);
    }

    private static async Task<T?> GuardAsync<T>(List<string> damaged, bool strict, Func<Task<T?>> read) where T : class
    {
        try
        {
            return await read();
        }
        catch (TroubleException e)
        {
            damaged.Add(e.Trouble.ToString());
        }
        catch (IOException e) when (!strict || e is FileNotFoundException)
        {
            damaged.Add(e.Message);
        }
        return null;
    }
}
