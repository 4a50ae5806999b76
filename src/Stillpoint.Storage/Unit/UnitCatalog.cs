using System.Collections.Concurrent;
using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>What a unit's list of images says.</summary>
/// <param name="Images">Committed images that were not given up, newest first, with their notes.</param>
/// <param name="Damaged">Objects that could not be read, and why.</param>
public sealed record ImageList(IReadOnlyList<StoredImage> Images, IReadOnlyList<string> Damaged)
{
    /// <summary>What is said of the images, by their ids; those of which nothing was said are left out, and so are all where the keepings cannot be
    /// read, which <see cref="Damaged"/> then tells.</summary>
    public IReadOnlyDictionary<Guid, ImageKeeping> Keepings { get; init; } = new Dictionary<Guid, ImageKeeping>();

    /// <summary>When the last lock on an image ends, its unit's among them, by the ids of the images that have one.</summary>
    public IReadOnlyDictionary<Guid, DateTimeOffset> LockedUntil { get; init; } = new Dictionary<Guid, DateTimeOffset>();
}

/// <summary>A committed image with what its unit says of it.</summary>
/// <param name="Image">The image and its notes.</param>
/// <param name="Session">The session that committed it.</param>
/// <param name="Committed">When, by the clock of the host that wrote the commit.</param>
/// <param name="Keeping">Whether it may be given up.</param>
/// <param name="UnitLock">Until when its unit locks each image (<see cref="StorageUnit.LockDays"/>), by the clock of the server that holds the unit; null
/// where it locks none.</param>
public sealed record CommittedImage(StoredImage Image, Guid Session, DateTimeOffset Committed, ImageKeeping Keeping, DateTimeOffset? UnitLock = null)
{
    /// <summary>When the last of all locks on it ends; null when it has none.</summary>
    public DateTimeOffset? LockedUntil => Keeping.LockedUntil > UnitLock ? Keeping.LockedUntil : UnitLock ?? Keeping.LockedUntil;
}

/// <summary>The committed images of a unit, read from their objects. An image exists when its session's end says "committed" and names
/// the digest of its object, and no keeping gave it up.</summary>
/// <param name="volume">The unit's volume.</param>
/// <param name="keepings">Which images were given up.</param>
/// <param name="configuration">The unit.</param>
/// <param name="environment">The clock, and the source of names of catalog copies.</param>
internal sealed class UnitCatalog(IVolume volume, Keepings keepings, UnitConfiguration configuration, UnitEnvironment environment)
{
    /// <summary>Objects that are read at once.</summary>
    private const int AtOnce = 32;

    /// <summary>So many objects are worth all cores.</summary>
    private const int Large = 1024;

    private const int MaxEnd = 4096, MaxNote = SealedCodec.MaxBlob + 4096;

    private readonly ConcurrentDictionary<string, SessionEnd> _ends = new();
    private readonly ConcurrentDictionary<Guid, StoredImage> _bySession = new();
    private readonly ConcurrentDictionary<string, NoteObject> _notes = new();

    /// <param name="strict">True to throw when an object cannot be read just now, rather than to leave it out: whoever decides by what is
    /// absent must not take a failing disk for it. An object that is damaged is left out either way.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <param name="originals">True to read every object itself, and no copy: a verify wants to know how they are.</param>
    public async Task<ImageList> ListAsync(bool strict, CancellationToken cancel, bool originals = false)
    {
        var (images, damaged) = await CommittedAsync(strict, cancel, originals);
        return new ImageList([.. images.Select(i => i.Image)], damaged)
        {
            Keepings = images.Where(i => i.Keeping.Entries > 0).ToDictionary(i => i.Image.Header.Id, i => i.Keeping),
            LockedUntil = images.Where(i => i.LockedUntil is not null).ToDictionary(i => i.Image.Header.Id, i => i.LockedUntil!.Value),
        };
    }

    /// <summary>As <see cref="ListAsync"/>, with each image's session, commit and keeping.</summary>
    public async Task<(IReadOnlyList<CommittedImage> Images, IReadOnlyList<string> Damaged)> CommittedAsync(
        bool strict, CancellationToken cancel, bool originals = false)
    {
        if (originals)
        {
            _ends.Clear();
            _bySession.Clear();
            _notes.Clear();
        }
        var damaged = new List<string>();
        var endsListed = await volume.ListNamesAsync(UnitNames.Ends, cancel);
        // Most ends name an image's object, which is read too.
        var unread = 2 * endsListed.Count(e => !_ends.ContainsKey(e.Name));
        // One core takes the copies apart while another lists the notes.
        var loading = originals || unread < Large ? null : Task.Run(() => CatalogCopies.LoadAsync(volume, configuration.Id, cancel), cancel);
        var notesListed = await volume.ListNamesAsync(UnitNames.Notes, cancel);
        unread += notesListed.Count(e => !_notes.ContainsKey(e.Name));
        var copies = loading is not null ? await loading
            : originals || unread < CatalogCopies.Many ? null : await CatalogCopies.LoadAsync(volume, configuration.Id, cancel);
        var ends = await ReadAllAsync(endsListed, damaged, strict, async entry => await EndAsync(entry, copies, cancel));
        // After the ends: an image that is given up in between is left out.
        var kept = await KeptAsync(damaged, strict, cancel);
        var there = ends.Where(end => end.State == EndState.Committed && !kept.GetValueOrDefault(end.Image, ImageKeeping.None).Expired).ToList();
        var stored = configuration.LockDays is null ? [] : endsListed.ToDictionary(e => e.Name, e => e.Stored, StringComparer.Ordinal);
        var images = new Dictionary<Guid, CommittedImage>();
        foreach (var image in await ReadAllAsync(there, damaged, strict, end => CommittedOrGoneAsync(end, kept, copies, cancel)))
            if (!images.TryAdd(image.Image.Header.Id, image with { UnitLock = UnitLock(image, stored) })) damaged.Add($"image {image.Image.Header.Id:N}: two sessions committed it.");
        var notes = new Dictionary<Guid, List<NoteObject>>();
        bool GivenUp(VolumeEntry note) => UnitNames.ImageOfNote(note.Name) is { } id && kept.GetValueOrDefault(id) is { Expired: true };
        foreach (var note in await ReadAllAsync([.. notesListed.Where(e => !GivenUp(e))], damaged, strict, entry => NoteAsync(entry, copies, cancel)))
        {
            if (!notes.TryGetValue(note.Image, out var list)) notes.Add(note.Image, list = []);
            list.Add(note);
        }
        if (copies is not null) await copies.SaveAsync(environment.NewId, cancel);
        var listed = images.Values
            .Select(i => i with { Image = i.Image with { Notes = [.. Ordered(notes.GetValueOrDefault(i.Image.Header.Id)).Select(n => n.Note)] } })
            .OrderByDescending(i => i.Image.Header.Created).ThenBy(i => i.Image.Header.Id);
        return ([.. listed], damaged);
    }

    /// <summary>The image that a session committed, as far as it was listed; null when it committed none.</summary>
    public ImageHeader? ImageOf(Guid session) => _bySession.GetValueOrDefault(session)?.Header;

    /// <summary>Lines that name everything a reader can see; their hash is the unit's head. What belongs to an image that was given up is
    /// not seen any more, so collecting it changes nothing here.</summary>
    public async Task<string> HeadAsync(CancellationToken cancel)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return await HeadOnceAsync(cancel);
            }
            catch (FileNotFoundException) when (tries < 4)
            {
                // A note of an image that was given up, and collected, since the list was made.
            }
        }
    }

    /// <summary>Looks for an earlier head in what the unit's objects tell of its past; null where it is not found.</summary>
    public async Task<HeadChange?> SinceAsync(string head, CancellationToken cancel)
    {
        var kept = await keepings.AllAsync(cancel);
        var lines = await LinesAsync(_ => false, cancel);
        var givenUp = new Dictionary<Guid, DateTimeOffset>();
        foreach (var (image, keeping) in kept.Where(k => k.Value.Expired)) givenUp.Add(image, await keepings.WrittenAsync(UnitNames.Keeping(image, keeping.Entries), cancel));
        return HeadHistory.Find(lines, givenUp, head);
    }

    private async Task<string> HeadOnceAsync(CancellationToken cancel)
    {
        var kept = await keepings.AllAsync(cancel);
        var lines = await LinesAsync(image => image is { } id && kept.TryGetValue(id, out var keeping) && keeping.Expired, cancel);
        return HeadHistory.HeadOf(lines.Select(l => l.Text).Distinct().Order(StringComparer.Ordinal));
    }

    private async Task<List<HeadLine>> LinesAsync(Func<Guid?, bool> leaveOut, CancellationToken cancel)
    {
        var lines = new List<HeadLine>();
        foreach (var end in await EndsAsync(cancel))
        {
            if (end.State == EndState.Committed && !leaveOut(end.Image))
                lines.Add(new HeadLine($"image {end.Image:N} {Convert.ToHexStringLower(end.ImageDigest.Span)}\n", end.Written, end.Image, null));
        }
        foreach (var prefix in new[] { UnitNames.Notes, UnitNames.Keepings, UnitNames.BrokenGlass })
        {
            foreach (var entry in await volume.ListAsync(prefix, cancel))
            {
                var image = prefix == UnitNames.BrokenGlass ? null : UnitNames.ImageOfNote(entry.Name);
                if (image is not null && leaveOut(image)) continue;
                var text = $"{entry.Name} {Convert.ToHexStringLower(SHA256.HashData((await ReadAsync(entry, MaxNote, null, cancel)).Span))}\n";
                lines.Add(new HeadLine(text, await WrittenAsync(prefix, entry.Name, cancel), image, entry.Name));
            }
        }
        return lines;
    }

    private async Task<DateTimeOffset> WrittenAsync(string prefix, string name, CancellationToken cancel) => prefix switch
    {
        UnitNames.Keepings => UnitNames.ImageOfNote(name) is null ? default : await keepings.WrittenAsync(name, cancel),
        UnitNames.Notes => UnitNames.TimeOfNote(name) ?? default,
        _ => UnitNames.TimeOfGlass(name) ?? default,
    };

    /// <summary>The ends of all sessions.</summary>
    /// <exception cref="TroubleException">One is damaged: then nobody can say which image exists.</exception>
    public async Task<IReadOnlyList<SessionEnd>> EndsAsync(CancellationToken cancel)
    {
        var ends = new List<SessionEnd>();
        foreach (var entry in await volume.ListAsync(UnitNames.Ends, cancel)) ends.Add(await EndAsync(entry, null, cancel));
        return ends;
    }

    /// <summary>The image that a session committed, without notes.</summary>
    /// <exception cref="FileNotFoundException">Its object is gone.</exception>
    /// <exception cref="TroubleException">Its object is not what was committed.</exception>
    public Task<StoredImage> ImageAsync(SessionEnd end, CancellationToken cancel) => ImageAsync(end, null, cancel);

    private async Task<StoredImage> ImageAsync(SessionEnd end, CatalogCopies? copies, CancellationToken cancel)
    {
        var name = UnitNames.Image(end.Image, end.Session);
        if (_bySession.TryGetValue(end.Session, out var known))
        {
            copies?.Keep(name);
            return known;
        }
        // Its digest is in the end, so a copy is as good as the object.
        if (copies is null || !copies.TryTake(name, null, out var bytes) || !Matches(bytes, end)) bytes = await ReadAsync(name, copies, cancel);
        if (!Matches(bytes, end)) throw Damage.Of(name, "it is not what was committed");
        var read = ImageObject.Decode(bytes.Span, name);
        foreach (var pack in read.Packs) volume.Pin(UnitNames.Pack(read.Header.Domain, pack.Pack, pack.Kind), pack.Version);
        var image = new StoredImage(read.Header, read.Details, []);
        _bySession.TryAdd(end.Session, image);
        return image;
    }

    /// <summary>Forgets what was read of an image whose object is deleted.</summary>
    public void Forget(Guid session) => _bySession.TryRemove(session, out _);

    /// <summary>Null when the image was given up, and collected, since the list was made.</summary>
    private async Task<CommittedImage?> CommittedOrGoneAsync(
        SessionEnd end, IReadOnlyDictionary<Guid, ImageKeeping> kept, CatalogCopies? copies, CancellationToken cancel)
    {
        try
        {
            return new CommittedImage(await ImageAsync(end, copies, cancel), end.Session, end.Written, kept.GetValueOrDefault(end.Image, ImageKeeping.None));
        }
        catch (FileNotFoundException)
        {
            if ((await keepings.OfAsync(end.Image, cancel)).Expired) return null;
            throw;
        }
    }

    /// <summary>Null when its image was given up, and collected, since the list was made: nobody else deletes a note.</summary>
    private async Task<NoteObject?> NoteAsync(VolumeEntry entry, CatalogCopies? copies, CancellationToken cancel)
    {
        if (_notes.TryGetValue(entry.Name, out var known))
        {
            copies?.Keep(entry.Name);
            return known;
        }
        try
        {
            var note = NoteObject.Decode((await ReadAsync(entry, MaxNote, copies, cancel)).Span, entry.Name);
            _notes.TryAdd(entry.Name, note);
            return note;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>By the server's word of when the commit came, which neither a host's clock nor a renewal changes. Where a server does not say, by the
    /// commit's own.</summary>
    private DateTimeOffset? UnitLock(CommittedImage image, Dictionary<string, DateTimeOffset?> stored) => configuration.LockDays is { } days
        ? UnitTime.Later(stored.GetValueOrDefault(UnitNames.End(image.Session)) ?? image.Committed, TimeSpan.FromDays(days))
        : null;

    private static bool Matches(ReadOnlyMemory<byte> image, SessionEnd end) =>
        SHA256.HashData(image.Span).AsSpan().SequenceEqual(end.ImageDigest.Span);

    private IEnumerable<NoteObject> Ordered(List<NoteObject>? notes) => notes is null ? [] : NoteOrder.Of(notes, environment.Latest);

    /// <summary>Of images whose keeping cannot be read nothing is known, and they are shown.</summary>
    private async Task<IReadOnlyDictionary<Guid, ImageKeeping>> KeptAsync(List<string> damaged, bool strict, CancellationToken cancel) =>
        await GuardAsync<IReadOnlyDictionary<Guid, ImageKeeping>>(damaged, strict, async () => await keepings.AllAsync(cancel)) ?? new Dictionary<Guid, ImageKeeping>();

    private async Task<SessionEnd> EndAsync(VolumeEntry entry, CatalogCopies? copies, CancellationToken cancel)
    {
        if (_ends.TryGetValue(entry.Name, out var known))
        {
            copies?.Keep(entry.Name);
            return known;
        }
        var end = SessionEnd.Decode((await ReadAsync(entry, MaxEnd, copies, cancel)).Span, entry.Name);
        _ends.TryAdd(entry.Name, end);
        return end;
    }

    private async Task<ReadOnlyMemory<byte>> ReadAsync(VolumeEntry entry, int most, CatalogCopies? copies, CancellationToken cancel)
    {
        if (entry.Length > most) throw Damage.Of(entry.Name, $"it has {entry.Length} bytes");
        long? length = entry.Length == VolumeEntry.NotAsked ? null : entry.Length;
        return copies is not null && copies.TryTake(entry.Name, length, out var copy) ? copy : await ReadAsync(entry.Name, copies, cancel);
    }

    private async Task<ReadOnlyMemory<byte>> ReadAsync(string name, CatalogCopies? copies, CancellationToken cancel)
    {
        var bytes = await SmallObject.ReadAsync(volume, name, cancel);
        copies?.Offer(name, bytes);
        return bytes;
    }

    /// <summary>Reads objects, in their order. Many are shared out among the cores, for to take them apart is most of the work.</summary>
    private static async Task<IReadOnlyList<T>> ReadAllAsync<TName, T>(
        IReadOnlyList<TName> names, List<string> damaged, bool strict, Func<TName, Task<T?>> read) where T : class
    {
        if (names.Count < Large) return await ReadSomeAsync(names, AtOnce, damaged, strict, read);
        var cores = Environment.ProcessorCount;
        var parts = names.Chunk((names.Count + cores - 1) / cores);
        var all = await Task.WhenAll(parts.Select(part => Task.Run(() => ReadSomeAsync(part, Math.Max(1, AtOnce / cores), damaged, strict, read))));
        return [.. all.SelectMany(some => some)];
    }

    /// <summary>Reads objects, some at a time, for a bucket takes its time for each.</summary>
    private static async Task<IReadOnlyList<T>> ReadSomeAsync<TName, T>(
        IReadOnlyList<TName> names, int atOnce, List<string> damaged, bool strict, Func<TName, Task<T?>> read) where T : class
    {
        var all = new List<T>(names.Count);
        foreach (var some in names.Chunk(atOnce))
            all.AddRange((await Task.WhenAll(some.Select(name => GuardAsync(damaged, strict, () => read(name))))).OfType<T>());
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
