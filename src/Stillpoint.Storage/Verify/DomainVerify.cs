using System.Collections.Concurrent;
using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>Checks one key domain of a unit: its packs, as far as the options ask for, then its images.</summary>
/// <param name="unit">The unit.</param>
/// <param name="options">What was asked.</param>
/// <param name="index">The domain's index.</param>
/// <param name="began">When this verify began.</param>
internal sealed class DomainVerify(StorageUnit unit, VerifyOptions options, DomainIndex index, DateTimeOffset began)
{
    private const int MostRounds = 4;

    private readonly ConcurrentDictionary<string, PackVerify.Result> _results = new();
    private readonly Lock _saving = new();
    private DomainIndex _index = index;
    private SoundPacks _sound = null!;
    private Task _save = Task.CompletedTask;
    private DateTimeOffset _saved;

    /// <summary>What packs gave; those that were not read too.</summary>
    public IReadOnlyDictionary<string, PackVerify.Result> Results => _results;

    /// <summary>The domain's index, as of the last look at what is there.</summary>
    public DomainIndex Index => _index;

    /// <summary>Bytes of the packs that this verify reads.</summary>
    public long ToRead { get; private set; }

    private IVolume Volume => unit.Volume;

    /// <summary>Decides which packs are read.</summary>
    /// <param name="images">The images of the domain that are looked at.</param>
    /// <param name="cancel">Ends the work.</param>
    /// <returns>The packs to read.</returns>
    public async Task<IReadOnlyList<PackFile>> PlanAsync(IReadOnlyList<StoredImage> images, CancellationToken cancel)
    {
        _sound = await SoundPacks.LoadAsync(Volume, unit.Parameters.UnitId, _index.Domain, options.Depth, cancel);
        var packs = _index.Packs;
        _sound.Keep(packs.Select(p => p.Header.Pack).ToHashSet());
        // A clock that ran ahead says of nothing how long ago it was.
        var latest = began + unit.Environment.Margins.ClockTolerance;
        if (options.Whole && (options.Restart || !options.Remember || _sound.Began > latest)) _sound.Began = null;
        var needed = options.Image is null ? null : await PacksOfAsync(images, cancel);
        // A verify of the whole that was stopped goes on: what was found sound since it began counts as read.
        var since = Earlier(options.Whole ? _sound.Began : null, options.OlderThan is { } age ? began - age : null);
        var toRead = new List<PackFile>();
        foreach (var pack in packs)
        {
            var known = _sound.Find(pack.Header.Pack);
            if (needed is not null && !needed.Contains(pack.Name)) _results[pack.Name] = PackVerify.Result.Unread(pack);
            else if (known is not null && since is { } from && known.At >= from && known.At <= latest && known.Length == pack.Length) _results[pack.Name] = PackVerify.Result.Known(pack, known);
            else if (options.Sample < 1 && options.Pick!.NextDouble() >= options.Sample) _results[pack.Name] = PackVerify.Result.Unread(pack);
            else toRead.Add(pack);
        }
        if (options.Whole) _sound.Began ??= began;
        _saved = unit.Environment.Time.GetUtcNow();
        ToRead = toRead.Sum(p => p.Length);
        return toRead;
    }

    /// <summary>Reads the packs. What was found sound is written down meanwhile and at the end, also when the work is stopped.</summary>
    public async Task ReadAsync(IReadOnlyList<PackFile> packs, RateLimit? limit, Action<long> done, CancellationToken cancel)
    {
        using var opener = options.Keys is null ? null : new RecordOpener(options.Keys);
        var verify = new PackVerify(Volume, unit.Parameters, _index, opener, limit);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(Environment.ProcessorCount, 16), CancellationToken = cancel };
        try
        {
            await Parallel.ForEachAsync(packs, parallel, async (pack, token) =>
            {
                var result = await OneAsync(verify, pack, token);
                _results[pack.Name] = result;
                Remember(pack, result);
                done(pack.Length);
            });
            if (options.Whole) _sound.Began = null;
        }
        finally
        {
            await _save;
            if (options.Remember) await SaveAsync(CancellationToken.None);
        }
    }

    /// <summary>Takes up what became of the unit meanwhile: packs that backups and collects made are read too, those that a collect took away are
    /// forgotten. What is really lost, the walk over the images misses.</summary>
    /// <returns>Number of packs read besides.</returns>
    public async Task<int> CatchUpAsync(RateLimit? limit, Action<long> done, CancellationToken cancel)
    {
        var read = 0;
        // Backups that never end would keep it from its end; the next verify reads what they add.
        for (var round = 0; round < MostRounds; round++)
        {
            _index = await unit.FreshIndexAsync(_index.Domain, cancel);
            var there = _index.Packs.ToDictionary(p => p.Name);
            foreach (var gone in _results.Keys.Where(name => !there.ContainsKey(name)).ToList()) _results.TryRemove(gone, out _);
            var fresh = there.Values.Where(p => !_results.ContainsKey(p.Name)).ToList();
            if (fresh.Count == 0) break;
            if (options.Sample < 1)
            {
                foreach (var pack in fresh) _results[pack.Name] = PackVerify.Result.Unread(pack);
                break;
            }
            await ReadAsync(fresh, limit, done, cancel);
            read += fresh.Count;
        }
        return read;
    }

    private static async Task<PackVerify.Result> OneAsync(PackVerify verify, PackFile pack, CancellationToken cancel)
    {
        try
        {
            return await verify.RunAsync(pack, cancel);
        }
        catch (TroubleException e)
        {
            return PackVerify.Result.Gone(pack, e.Trouble.ToString());
        }
        catch (FileNotFoundException)
        {
            return PackVerify.Result.Gone(pack, $"pack {pack.Name} is gone.");
        }
    }

    private void Remember(PackFile pack, PackVerify.Result result)
    {
        if (!options.Remember) return;
        var now = unit.Environment.Time.GetUtcNow();
        if (result.Damage.Count == 0) _sound.Add(pack.Header.Pack, new SoundPack(now, pack.Length, result.Short));
        else _sound.Remove(pack.Header.Pack);
        lock (_saving)
        {
            if (now - _saved < options.SaveEvery || !_save.IsCompleted) return;
            _saved = now;
            _save = Task.Run(() => SaveAsync(CancellationToken.None));
        }
    }

    private async Task SaveAsync(CancellationToken cancel)
    {
        try
        {
            await _sound.SaveAsync(Volume, cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It saves a second reading, no more; what hinders it hinders a backup too, which will say so.
        }
    }

    /// <summary>The packs that images refer to, as far as their trees can be read; the walk that follows tells of what cannot.</summary>
    private async Task<HashSet<string>> PacksOfAsync(IReadOnlyList<StoredImage> images, CancellationToken cancel)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var reader = new NodePacks(new ReaderSession(unit, new ReaderScope(_index.Domain), _index), _index, names);
        foreach (var stream in images.SelectMany(i => i.Header.Streams))
        {
            try
            {
                var tree = new TreeReader(reader, TreeShape.Checked(stream.Length, unit.Parameters.ChunkSize), stream.Root);
                await foreach (var chunk in tree.ChunksAsync(cancel))
                    if (_index.TryFind(chunk.Id, out var pack, out _)) names.Add(pack.Name);
            }
            catch (TroubleException)
            {
                // Found again, and told, by the walk over the image.
            }
        }
        return names;
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? left, DateTimeOffset? right) => left is null ? right : right is null || left < right ? left : right;

    /// <summary>A reader that notes which packs nodes come from.</summary>
    private sealed class NodePacks(IImageReader inner, DomainIndex index, HashSet<string> names) : IImageReader
    {
        public UnitParameters Unit => inner.Unit;

        public Task<IReadOnlyList<StoredImage>> ListImagesAsync(CancellationToken cancel) => inner.ListImagesAsync(cancel);

        public ValueTask<ReadOnlyMemory<byte>> ReadNodeAsync(NodeId id, CancellationToken cancel)
        {
            lock (names)
                if (index.TryFind(id, out var pack, out _)) names.Add(pack.Name);
            return inner.ReadNodeAsync(id, cancel);
        }

        public Task<IReadOnlyList<SealedRecord>> ReadRecordsAsync(IReadOnlyList<ChunkId> ids, CancellationToken cancel) => inner.ReadRecordsAsync(ids, cancel);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
