using System.Collections.Concurrent;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Reads and writes the keepings of a unit's images.</summary>
internal sealed class Keepings(IVolume volume)
{
    /// <summary>An entry names no more than a reason beside its fixed fields.</summary>
    private const int MaxEntry = SealedCodec.MaxBlob + 4096;

    /// <summary>Others may write to the same image at the same time; not this often.</summary>
    private const int MostTries = 32;

    private readonly ConcurrentDictionary<string, KeepingEntry> _known = new();

    /// <summary>Of every image of which something was said.</summary>
    /// <exception cref="TroubleException">An entry is damaged or missing: then nobody can say what may be given up.</exception>
    public async Task<IReadOnlyDictionary<Guid, ImageKeeping>> AllAsync(CancellationToken cancel)
    {
        var names = (await volume.ListAsync(UnitNames.Keepings, cancel)).Select(e => (e.Name, e.Length, Image: UnitNames.ImageOfNote(e.Name)));
        var all = new Dictionary<Guid, ImageKeeping>();
        foreach (var group in names.Where(n => n.Image is not null).GroupBy(n => n.Image!.Value))
        {
            var keeping = ImageKeeping.None;
            foreach (var (name, length, _) in group.OrderBy(n => n.Name, StringComparer.Ordinal))
            {
                if (length > MaxEntry) throw Damage.Of(name, $"it has {length} bytes");
                keeping = Next(keeping, await ReadAsync(name, cancel));
            }
            all.Add(group.Key, keeping);
        }
        return all;
    }

    /// <summary>Adds an entry.</summary>
    /// <param name="image">The image.</param>
    /// <param name="entry">From the state and the number of the new entry to the entry, null to leave it, or an exception to refuse.</param>
    /// <param name="cancel">Ends the work.</param>
    public async Task<ImageKeeping> AddAsync(Guid image, Func<ImageKeeping, int, KeepingEntry?> entry, CancellationToken cancel)
    {
        for (var i = 0; i < MostTries; i++)
        {
            var state = await OfAsync(image, cancel);
            if (entry(state, state.Entries + 1) is not { } next) return state;
            if (await volume.PutIfAbsentAsync(next.Name, next.Encode(), cancel)) return state.With(next);
        }
        throw UnitTrouble.Refused(volume.Name, $"others write to the keeping of image {image:N} all the time.", "try again");
    }

    /// <summary>Of one image.</summary>
    public async Task<ImageKeeping> OfAsync(Guid image, CancellationToken cancel)
    {
        var keeping = ImageKeeping.None;
        while (true)
        {
            try
            {
                keeping = Next(keeping, await ReadAsync(UnitNames.Keeping(image, keeping.Entries + 1), cancel));
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                return keeping;
            }
        }
    }

    /// <summary>When an entry was written.</summary>
    public async Task<DateTimeOffset> WrittenAsync(string name, CancellationToken cancel) => (await ReadAsync(name, cancel)).Written;

    private async Task<KeepingEntry> ReadAsync(string name, CancellationToken cancel)
    {
        if (_known.TryGetValue(name, out var known)) return known;
        var entry = KeepingEntry.Decode(await SmallObject.ReadAsync(volume, name, cancel), name);
        _known.TryAdd(name, entry);
        return entry;
    }

    private static ImageKeeping Next(ImageKeeping state, KeepingEntry entry) => entry.Number == state.Entries + 1
        ? state.With(entry)
        : throw Damage.Of(entry.Name, $"entry {state.Entries + 1} of its image is missing");
}
