using System.Collections.Concurrent;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>
/// A storage unit: packs of records and tree nodes, images, notes, sessions, on one volume. Any number of processes may have it open and
/// write to it. Safe for use from several threads; its sessions are not.
/// </summary>
public sealed class StorageUnit : IAsyncDisposable
{
    private readonly UnitConfiguration _configuration;
    private readonly ConcurrentDictionary<Guid, DomainIndex> _domains = new();

    private StorageUnit(IVolume volume, UnitConfiguration configuration, UnitEnvironment environment)
    {
        Volume = volume;
        _configuration = configuration;
        Environment = environment;
        Keepings = new Keepings(volume);
        Catalog = new UnitCatalog(volume, Keepings, configuration, environment);
        Keeper = new IndexKeeper(new RunFiles(volume, configuration.Parameters.UnitId, environment.Cache), environment.NewId);
    }

    /// <summary>The unit's parameters.</summary>
    public UnitParameters Parameters => _configuration.Parameters;

    /// <summary>Days that what is written is locked; null where nothing is.</summary>
    public int? LockDays => _configuration.LockDays;

    /// <summary>Key domain of the key file that it was made with, which is a hint and binds nobody; null where it is not known.</summary>
    public Guid? MadeFor => _configuration.MadeFor;

    /// <summary>How often <see cref="UnitRenewal"/> is due; null where nothing is locked.</summary>
    public TimeSpan? RenewalPeriod => _configuration.RenewalPeriod;

    /// <summary>Where it lies.</summary>
    public string Name => Volume.Name;

    /// <summary>Bytes that its volume can still take; null where there is no such bound, as in a bucket.</summary>
    public long? FreeBytes => Volume.FreeBytes;

    internal IVolume Volume { get; }

    internal UnitEnvironment Environment { get; }

    internal UnitCatalog Catalog { get; }

    internal IndexKeeper Keeper { get; }

    internal Keepings Keepings { get; }

    internal DateTimeOffset Created => _configuration.Created;

    /// <summary>Makes a unit on an empty volume; the volume belongs to the unit from then on.</summary>
    /// <param name="volume">The volume.</param>
    /// <param name="chunkSize">Bytes of a chunk: a power of two from 64 KiB to 1 MiB.</param>
    /// <param name="compressionLevel">zstd level, 1 to 19.</param>
    /// <param name="environment">Clock and ids.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <exception cref="TroubleException">There is a unit already, or a parameter is out of bounds.</exception>
    public static Task<StorageUnit> CreateAsync(IVolume volume, int chunkSize, int compressionLevel, UnitEnvironment environment,
        CancellationToken cancel) =>
        CreateAsync(volume, chunkSize, compressionLevel, null, environment, cancel);

    /// <summary>As the other; where <paramref name="lockDays"/> is given, what is written is locked for that long and a little more, and
    /// <see cref="UnitRenewal"/> keeps it so for what images need; <paramref name="madeFor"/> becomes <see cref="MadeFor"/>.</summary>
    public static async Task<StorageUnit> CreateAsync(
        IVolume volume, int chunkSize, int compressionLevel, int? lockDays, UnitEnvironment environment, CancellationToken cancel, Guid? madeFor = null)
    {
        ArgumentNullException.ThrowIfNull(volume);
        ArgumentNullException.ThrowIfNull(environment);
        var made = UnitConfiguration.Make(environment.NewId(), chunkSize, compressionLevel, environment.Time.GetUtcNow(), lockDays, madeFor);
        try
        {
            if (made.LockFor is { } span) await volume.LockNewAsync(span, cancel);
            if (!await volume.PutIfAbsentAsync(UnitNames.Configuration, made.Encode(), cancel))
                throw UnitTrouble.Refused(volume.Name, "there is one already.", "use it as it is, or choose another place");
            // All that several writers agree on rests on this; some object stores ignore the condition.
            if (await volume.PutIfAbsentAsync(UnitNames.Configuration, made.Encode(), cancel))
                throw UnitTrouble.Refused(volume.Name, "its server let a second put of the same key succeed.",
                    "use an object store that keeps If-None-Match");
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(volume.Name, e);
        }
        return new StorageUnit(volume, made, environment);
    }

    /// <summary>Opens the unit on a volume, which belongs to the unit from then on.</summary>
    /// <exception cref="TroubleException">There is none, it is of another version, or its configuration is damaged.</exception>
    public static async Task<StorageUnit> OpenAsync(IVolume volume, UnitEnvironment environment, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(volume);
        ArgumentNullException.ThrowIfNull(environment);
        try
        {
            var found = await UnitConfiguration.ReadAsync(volume, cancel);
            if (found.LockFor is { } span) await volume.LockNewAsync(span, cancel);
            return new StorageUnit(volume, found, environment);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw environment.Known ? UnitTrouble.Gone(volume.Name, e) : UnitTrouble.Missing(volume.Name);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(volume.Name, e);
        }
    }

    /// <summary>Makes a unit at an address (<see cref="VolumeAddress"/>); a directory is made too when it is absent.</summary>
    public static Task<StorageUnit> CreateInAsync(
        string address, int chunkSize, int compressionLevel, UnitEnvironment environment, CancellationToken cancel) =>
        CreateInAsync(address, chunkSize, compressionLevel, null, environment, cancel);

    /// <summary>As the other, with locks and the key domain that it is made for.</summary>
    public static Task<StorageUnit> CreateInAsync(
        string address, int chunkSize, int compressionLevel, int? lockDays, UnitEnvironment environment, CancellationToken cancel, Guid? madeFor = null)
    {
        ArgumentNullException.ThrowIfNull(environment);
        VolumeAddress.Make(address);
        return CreateAsync(VolumeAddress.Open(address, environment), chunkSize, compressionLevel, lockDays, environment, cancel, madeFor);
    }

    /// <summary>Opens the unit at an address.</summary>
    public static Task<StorageUnit> OpenInAsync(string address, UnitEnvironment environment, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return OpenAsync(VolumeAddress.Open(address, environment), environment, cancel);
    }

    /// <summary>Reads the configuration again. The folder of a unit that is open may have gone, as when its mount drops off, and what is then
    /// written there would belong to no unit.</summary>
    /// <exception cref="TroubleException">It is not there, is another unit's, or cannot be read.</exception>
    public async Task CheckPresentAsync(CancellationToken cancel)
    {
        try
        {
            var found = await UnitConfiguration.ReadAsync(Volume, cancel);
            if (found.Id == _configuration.Id) return;
            Volume.Forget();
            throw UnitTrouble.Replaced(Name, _configuration.Id, found.Id);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // Files that are kept open would go on answering for the folder that is gone.
            Volume.Forget();
            throw UnitTrouble.Gone(Name, e);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(Name, e);
        }
    }

    /// <summary>Opens a session that stores one image.</summary>
    public async Task<IImageWriter> OpenWriterAsync(WriterScope scope, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(scope);
        await CheckPresentAsync(cancel);
        try
        {
            await Volume.SweepAsync(cancel);
            return await WriterSession.OpenAsync(this, scope, cancel);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(Name, e);
        }
    }

    /// <summary>Opens a session that reads.</summary>
    public async Task<IImageReader> OpenReaderAsync(ReaderScope scope, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(scope);
        await CheckPresentAsync(cancel);
        try
        {
            return new ReaderSession(this, scope, await FreshIndexAsync(scope.Domain, cancel));
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(Name, e);
        }
    }

    /// <summary>All committed images, newest first, and what of the list is damaged. Needs no key.</summary>
    public Task<ImageList> ListImagesAsync(CancellationToken cancel) => ListImagesAsync(strict: false, cancel);

    internal async Task<ImageList> ListImagesAsync(bool strict, CancellationToken cancel, bool originals = false)
    {
        // A folder that is gone lists no images, which is not the same as holding none.
        await CheckPresentAsync(cancel);
        try
        {
            return await Catalog.ListAsync(strict, cancel, originals);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(Name, e);
        }
    }

    /// <summary>The unit's head: SHA-256 over its committed images and notes, hexadecimal. Whoever remembers it sees a unit that was
    /// rolled back as a whole.</summary>
    public async Task<string> HeadAsync(CancellationToken cancel)
    {
        await CheckPresentAsync(cancel);
        return await Catalog.HeadAsync(cancel);
    }

    /// <summary>What changed since the unit had a head; null where its objects do not tell of such a state: it was rolled back behind it, lost what it
    /// had then, or the head is another unit's. Images that were collected since hide it too.</summary>
    /// <exception cref="TroubleException">The unit cannot be read.</exception>
    public async Task<HeadChange?> SinceHeadAsync(string head, CancellationToken cancel)
    {
        await CheckPresentAsync(cancel);
        try
        {
            return await Catalog.SinceAsync(head, cancel);
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(Name, e);
        }
    }

    /// <summary>Adds a note to a committed image: what an administrator or a verify has to say. A client writes through its session.</summary>
    public async Task AnnotateAsync(Guid imageId, NoteKind kind, SealedBlob payload, CancellationToken cancel)
    {
        await CheckPresentAsync(cancel);
        await Notes.PutAsync(this, imageId, kind, payload, cancel);
    }

    /// <summary>What the unit holds. Needs no key.</summary>
    public async Task<UnitStats> StatsAsync(CancellationToken cancel)
    {
        var list = await ListImagesAsync(cancel);
        var entries = await Volume.ListAsync(UnitNames.AllPacks, cancel);
        long chunks = 0, nodes = 0;
        foreach (var domain in entries.Select(e => UnitNames.DomainOf(e.Name)).OfType<Guid>().Distinct())
        {
            var count = (await FreshIndexAsync(domain, cancel)).Count;
            chunks += count.Chunks;
            nodes += count.Nodes;
        }
        return new UnitStats(
            list.Images.Count, list.Images.Sum(i => i.Header.Streams.Sum(s => s.Length)), chunks, nodes,
            entries.Where(e => e.Name.EndsWith(".data", StringComparison.Ordinal)).Sum(e => e.Length),
            entries.Where(e => e.Name.EndsWith(".nodes", StringComparison.Ordinal)).Sum(e => e.Length), entries.Count);
    }

    /// <summary>Makes one run of the index of each key domain, so that the unit opens quickly. Needs no key. A unit does it by itself as it grows;
    /// whatever happens on the way, nothing but time depends on it.</summary>
    /// <param name="rebuild">True to make it from the packs alone, without what there is.</param>
    /// <param name="progress">Records sorted in so far.</param>
    /// <param name="cancel">Ends the work.</param>
    public async Task<IndexReport> IndexAsync(bool rebuild, IProgress<long>? progress, CancellationToken cancel)
    {
        await CheckPresentAsync(cancel);
        try
        {
            var report = new IndexReport(0, 0, 0, 0, 0, 0, []);
            foreach (var domain in await DomainsAsync(cancel))
                report += await Keeper.RunAsync(domain, rebuild ? UpkeepDepth.Rebuild : UpkeepDepth.Full, progress, cancel);
            return report;
        }
        catch (IOException e)
        {
            throw UnitTrouble.Io(Name, e);
        }
    }

    /// <summary>What of a key domain lies under which epoch, oldest first. Needs no key.</summary>
    public async Task<IReadOnlyList<EpochUse>> EpochsAsync(Guid domain, CancellationToken cancel)
    {
        await CheckPresentAsync(cancel);
        var packs = (await FreshIndexAsync(domain, cancel)).Packs.Where(p => p.Header.Kind == PackKind.Data)
            .GroupBy(p => p.Header.Epoch).ToDictionary(g => g.Key, g => (Count: g.Count(), Bytes: g.Sum(p => p.Length)));
        var images = (await Catalog.CommittedAsync(strict: true, cancel)).Images.Where(i => i.Image.Header.Domain == domain).ToList();
        var details = images.CountBy(i => i.Image.Details.Epoch).ToDictionary();
        var notes = images.SelectMany(i => i.Image.Notes.Select(n => n.Payload).Append(i.Keeping.HoldReason!))
            .Where(blob => blob is { IsOpen: false }).CountBy(blob => blob.Epoch).ToDictionary();
        return
        [
            .. packs.Keys.Union(details.Keys).Union(notes.Keys).Order().Select(epoch => new EpochUse(
                epoch, packs.GetValueOrDefault(epoch).Count, packs.GetValueOrDefault(epoch).Bytes, details.GetValueOrDefault(epoch), notes.GetValueOrDefault(epoch))),
        ];
    }

    /// <summary>Lets the upkeep of indexes, which runs in the background and is waited for when the unit is closed, end when its user gives up.</summary>
    public void EndUpkeepWith(CancellationToken cancel) => cancel.UnsafeRegister(static keeper => ((IndexKeeper)keeper!).Stop(), Keeper);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Keeper.DisposeAsync();
        foreach (var index in _domains.Values) index.Dispose();
        await Volume.DisposeAsync();
    }

    /// <summary>The key domains that have packs.</summary>
    public async Task<IReadOnlyList<Guid>> DomainsAsync(CancellationToken cancel) =>
        [.. (await Volume.ListAsync(UnitNames.AllPacks, cancel)).Select(entry => UnitNames.DomainOf(entry.Name)).OfType<Guid>().Distinct().Order()];

    /// <summary>Deletes an object unless it is locked.</summary>
    /// <returns>False when it is locked and stays.</returns>
    internal async ValueTask<bool> TryDeleteAsync(string name, CancellationToken cancel)
    {
        try
        {
            await Volume.DeleteAsync(name, cancel);
            return true;
        }
        catch (ObjectLockedException)
        {
            return false;
        }
    }

    /// <summary>The index of a domain with all that is on the volume now.</summary>
    internal async Task<DomainIndex> FreshIndexAsync(Guid domain, CancellationToken cancel)
    {
        while (true)
        {
            // Before the packs are listed: a round that is not seen any more has deleted what it deletes.
            var condemned = await Rounds.CondemnedAsync(Volume, cancel);
            var bad = await DomainIndex.BadAsync(Volume, domain, cancel);
            // A verify or a collect said more since: sessions that are open keep what they have, later ones must not rely on it.
            var index = _domains.AddOrUpdate(
                domain, id => new DomainIndex(id, bad, condemned, Keeper),
                (id, known) => known.Bad.SetEquals(bad) && known.Condemned.SetEquals(condemned) ? known : new DomainIndex(id, bad, condemned, Keeper));
            if (await index.RefreshAsync(Volume, Parameters.UnitId, cancel)) return index;
            // A pack is gone: what lay in it must be sent again, so the index is made anew from what there is.
            _domains.TryRemove(new(domain, index));
            Volume.Forget();
        }
    }
}
