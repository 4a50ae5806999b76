using Stillpoint.Chunks;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A unit of small packs whose records hold a few random bytes, and what must be found in it.</summary>
internal sealed class RunRig : IAsyncDisposable
{
    private readonly Random _random;
    private readonly string? _directory;
    private int _next;

    private RunRig(IVolume volume, int seed, string cache, string? directory)
    {
        (Volume, _random, Cache, _directory) = (volume, new Random(seed), cache, directory);
        Files = new RunFiles(volume, Unit, cache);
        Keeper = new IndexKeeper(Files, NewId);
    }

    public IVolume Volume { get; }

    public string Cache { get; }

    public RunFiles Files { get; }

    public IndexKeeper Keeper { get; }

    public Guid Unit { get; } = new("10000000-2000-3000-4000-500000000000");

    public Guid Domain { get; } = new("a0000000-b000-c000-d000-e00000000000");

    /// <summary>For each pack, its kind and records.</summary>
    public Dictionary<string, (PackKind Kind, List<PackEntry> Entries)> Packs { get; } = [];

    public static RunRig InMemory(int seed = 1) => new(new MemoryVolume(), seed, Directory.CreateTempSubdirectory("stillpoint-runs-").FullName, null);

    public static RunRig OnDisk(int seed = 1, Func<IVolume, IVolume>? wrap = null)
    {
        var directory = Directory.CreateTempSubdirectory("stillpoint-runs-").FullName;
        File.WriteAllText(Path.Combine(directory, UnitNames.Configuration), "{}");
        var ids = new Random(seed + 1);
        IVolume volume = new LocalVolume(directory, () => Guid(ids));
        return new RunRig(wrap is null ? volume : wrap(volume), seed, Path.Combine(directory, "cache"), directory);
    }

    public Guid NewId()
    {
        lock (_random) return Guid(_random);
    }

    public ChunkId NewChunk()
    {
        lock (_random) return new((ulong)_random.NextInt64(), (ulong)_random.NextInt64(), 0, (ulong)_next++);
    }

    public DomainIndex NewIndex(IReadOnlySet<BadRecord>? bad = null, IReadOnlySet<Guid>? condemned = null) =>
        new(Domain, bad ?? new HashSet<BadRecord>(), condemned ?? new HashSet<Guid>(), Keeper);

    public Task<IndexReport> UpkeepAsync(UpkeepDepth depth) => new IndexUpkeep(Files, Domain, NewId).RunAsync(depth, null, default);

    public async Task AddPacksAsync(int packs, int records, PackKind kind = PackKind.Data)
    {
        for (var i = 0; i < packs; i++) await AddPackAsync(kind, [.. Enumerable.Range(0, records).Select(_ => NewChunk())]);
    }

    public async Task<string> AddPackAsync(PackKind kind, IReadOnlyList<ChunkId> ids)
    {
        var salt = new byte[StoreFormat.SaltSize];
        _random.NextBytes(salt);
        await using var writer = await PackWriter.CreateAsync(Volume, new PackBuffers(), new PackHeader(kind, 1, Unit, Domain, NewId(), NewId(), salt), default);
        foreach (var id in ids)
        {
            var content = new byte[20 + _random.Next(60)];
            _random.NextBytes(content);
            await writer.AppendAsync(new RecordHeader((uint)writer.Entries.Count, 64, content.Length, false, id), content, default);
        }
        await writer.CompleteAsync(default);
        Packs.Add(writer.Name, (kind, [.. writer.Entries]));
        return writer.Name;
    }

    public async Task DeletePackAsync(string name)
    {
        await Volume.DeleteAsync(name, default);
        Packs.Remove(name);
    }

    /// <summary>All that the packs hold is found where it lies, one by one and as a batch, and nothing else is.</summary>
    public async Task CheckAsync(DomainIndex index)
    {
        var places = Packs.SelectMany(pack => pack.Value.Entries.Select(entry => (Pack: pack.Key, pack.Value.Kind, Entry: entry)))
            .ToLookup(place => (place.Kind, place.Entry.Id));
        foreach (var group in places)
        {
            PackFile pack;
            Location location;
            var found = group.Key.Kind == PackKind.Data
                ? index.TryFind(group.Key.Id, out pack, out location)
                : index.TryFind(new NodeId(group.Key.Id.A, group.Key.Id.B, group.Key.Id.C, group.Key.Id.D), out pack, out location);
            Assert.True(found, $"{group.Key} is not found");
            Assert.Contains(group, p => p.Pack == pack.Name && p.Entry.Offset == location.Offset && p.Entry.StoredLength == location.StoredLength);
            Assert.Equal(pack.Name, index.Packs[location.Pack].Name);
        }
        var ids = places.Select(group => group.Key.Id).Concat(Enumerable.Range(0, 50).Select(_ => NewChunk())).ToList();
        var batch = new bool[ids.Count];
        await index.FindAsync(Volume, Unit, ids, batch, default);
        Assert.Equal(ids.Select(id => places.Contains((PackKind.Data, id))), batch);
    }

    public async Task<IReadOnlyList<string>> RunsAsync() =>
        [.. (await Volume.ListAsync(UnitNames.Runs(Domain), default)).Select(entry => entry.Name).Order(StringComparer.Ordinal)];

    /// <summary>Writes a run's bytes over those that are there, as a failing disk would.</summary>
    public async Task OverwriteAsync(string name, byte[] bytes)
    {
        await Volume.DeleteAsync(name, default);
        await Volume.PutIfAbsentAsync(name, bytes, default);
        Directory.Delete(Cache, recursive: true);
    }

    public async Task<byte[]> BytesAsync(string name)
    {
        var bytes = new byte[(await Volume.ListAsync(UnitNames.Runs(Domain), default)).Single(entry => entry.Name == name).Length];
        Assert.Equal(bytes.Length, await Volume.ReadAsync(name, 0, bytes, default));
        return bytes;
    }

    public async ValueTask DisposeAsync()
    {
        await Keeper.DisposeAsync();
        await Volume.DisposeAsync();
        if (Directory.Exists(Cache)) Directory.Delete(Cache, recursive: true);
        if (_directory is not null) Directory.Delete(_directory, recursive: true);
    }

    private static Guid Guid(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }
}
