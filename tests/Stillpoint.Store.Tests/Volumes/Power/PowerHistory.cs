using Microsoft.Extensions.Time.Testing;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>
/// Two processes back up into one unit on a simulated disk; at any call of one the other may do a whole backup, and the power may go. Then
/// all that was reported as committed has to be there, whole; what was not reported is whole or not there; and the next backup works.
/// </summary>
internal sealed class PowerHistory
{
    private const string Directory = "/unit";
    private const int DiskBytes = 12 * Disks.Chunk;

    private readonly Random _random;
    private readonly string? _without;
    private readonly DomainKeys _keys;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Dictionary<Guid, byte[]> _reported = [];
    private readonly Dictionary<Guid, List<byte[]>> _tried = [];
    private readonly List<StoredImage> _bases = [];
    private SimulatedDisk _disk;
    private StorageUnit? _first, _second, _busy;
    private Guid _underWay;
    private int _ids, _nested;

    private PowerHistory(int seed, string? without)
    {
        _random = new Random(seed);
        _without = without;
        var master = new byte[32];
        _random.NextBytes(master);
        _keys = new DomainKeys(master);
        _disk = new SimulatedDisk(_random) { Without = without };
    }

    /// <summary>Sync points that were passed, and how often the power went.</summary>
    public HashSet<string> Points { get; } = [];

    public int Cuts { get; private set; }

    public int Nested { get; private set; }

    /// <summary>Runs a history and returns it; throws what does not hold.</summary>
    /// <param name="seed">All that happens follows from it.</param>
    /// <param name="without">A sync point that is left out.</param>
    public static async Task<PowerHistory> RunAsync(int seed, string? without = null)
    {
        var history = new PowerHistory(seed, without);
        using (history._keys) await history.RunAsync();
        return history;
    }

    /// <summary>Spoils a synced sector after a quiet history: whatever is then restored is right, or fails, and a verify finds it.</summary>
    public static async Task SpoilAsync(int seed)
    {
        var history = new PowerHistory(seed, null);
        using (history._keys) await history.SpoilAsync();
    }

    private async Task RunAsync()
    {
        for (var life = 0; life < 2; life++)
        {
            _disk.CutAt = _random.Next(1, 900);
            _disk.Before = Between;
            try
            {
                await LiveAsync();
            }
            catch (Exception e) when (_disk.IsOff && e is TroubleException or IOException or AggregateException)
            {
                // What the processes say of the cut does not matter any more.
            }
            _disk.Before = null;
            _disk.Cut();
            Cuts++;
            Points.UnionWith(_disk.Points);
            _disk = _disk.AfterCut();
            _disk.Without = _without;
            await CheckAsync();
        }
    }

    private async Task LiveAsync()
    {
        _first = await OpenAsync();
        _second = await OpenAsync();
        var steps = _random.Next(2, 5);
        for (var step = 0; step < steps; step++)
        {
            _busy = _random.Next(2) == 0 ? _first : _second;
            await StepAsync(_busy, null);
        }
        _busy = null;
    }

    private async Task<StorageUnit> OpenAsync()
    {
        var environment = new UnitEnvironment(_time, NewId);
        if (_disk.FileExists(Directory + "/unit.json")) return await StorageUnit.OpenAsync(Volume(), environment, default);
        // The folder itself is the administrator's, and there for long.
        _disk.MakeFolder(Directory);
        _disk.SyncFolder("/", "MakeFolder");
        return await StorageUnit.CreateAsync(Volume(), Disks.Chunk, 1, environment, default);
    }

    /// <summary>One process is between two of its calls: the other may do something, and the power may go right after it.</summary>
    private void Between(string call)
    {
        var often = call.StartsWith("folder ", StringComparison.Ordinal);
        if (_busy is not { } busy || Interlocked.CompareExchange(ref _nested, 1, 0) != 0) return;
        try
        {
            if (_random.NextDouble() >= (often ? 0.35 : 0.004)) return;
            Nested++;
            var rival = _random.Next(2) == 0 && _underWay != Guid.Empty ? _underWay : (Guid?)null;
            StepAsync(busy == _first ? _second! : _first!, rival).GetAwaiter().GetResult();
            if (_random.NextDouble() < 0.4) _disk.Cut();
        }
        catch (Exception e) when (_disk.IsOff && e is TroubleException or IOException)
        {
            // The process whose call this is hears of it now.
        }
        finally
        {
            Volatile.Write(ref _nested, 0);
        }
    }

    /// <summary>A backup: of new content, of a few changes, of what another has just stored; or by an image id that another works on.</summary>
    private async Task StepAsync(StorageUnit unit, Guid? rival)
    {
        StoredImage? basedOn = null;
        ExtentSet? changed = null;
        byte[] disk;
        if (rival is { } theirs && _tried.TryGetValue(theirs, out var tried))
        {
            disk = tried[^1];
        }
        else if (_tried.Count > 0 && _random.Next(3) == 0)
        {
            disk = _tried.Values.ElementAt(_random.Next(_tried.Count))[^1];
        }
        else if (_bases.Count > 0 && _random.Next(2) == 0)
        {
            basedOn = _bases[_random.Next(_bases.Count)];
            disk = (byte[])_reported[basedOn.Header.Id].Clone();
            var at = _random.Next(DiskBytes / Disks.Chunk) * Disks.Chunk;
            Disks.Fill(disk.AsSpan(at, Disks.Chunk), _random);
            changed = ExtentSet.Of(new Extent(at, Disks.Chunk));
        }
        else
        {
            disk = Disks.Make(DiskBytes, _random.Next(), share: 0.5);
        }
        var id = rival ?? NewId();
        if (!_tried.TryGetValue(id, out tried)) _tried.Add(id, tried = []);
        tried.Add(disk);
        if (rival is null && _nested == 0) _underWay = id;
        await BackupAsync(unit, id, disk, basedOn, changed);
    }

    private async Task BackupAsync(StorageUnit unit, Guid id, byte[] disk, StoredImage? basedOn, ExtentSet? changed)
    {
        await using var writer = await unit.OpenWriterAsync(new WriterScope(_keys.Domain), default);
        using var random = new SeededRandom(_random.Next());
        using var session = new UploadSession(writer, _keys, random);
        var source = new MemorySource(disk);
        var work = basedOn is null ? DiskWork.Full(source) : DiskWork.Changes(source, changed!, basedOn.Header.Streams[0].Root);
        var stream = await DiskUpload.RunAsync(session, work, null, default);
        _time.Advance(TimeSpan.FromMinutes(1));
        var header = new ImageHeader(
            id, _keys.Domain, s_vm, NewId(), _time.GetUtcNow(), basedOn is null ? ImageType.Full : ImageType.DifferentialIncremental,
            Consistency.Off, basedOn?.Header.Id, [stream]);
        var details = ImageDetailsCodec.Seal(_keys, header, TestUnit.Details("web", disk.Length), random);
        try
        {
            await writer.CommitAsync(header, details, session.Totals, default);
        }
        catch (TroubleException e) when (!_disk.IsOff && e.Trouble.Message.Contains("exists already", StringComparison.Ordinal))
        {
            // That is a report too: this client goes home content.
            _reported.TryAdd(id, _tried[id][0]);
            if (_random.Next(2) == 0) _disk.Cut();
            return;
        }
        catch (TroubleException e) when (!_disk.IsOff && e.Trouble.Message.Contains("was ended by another", StringComparison.Ordinal))
        {
            // The rival was first.
            return;
        }
        _reported[id] = disk;
        _bases.Add(new StoredImage(header, details, []));
    }

    private async Task CheckAsync()
    {
        (_first, _second, _busy, _underWay) = (null, null, null, Guid.Empty);
        if (_reported.Count == 0 && !_disk.FileExists(Directory + "/unit.json")) return;
        await using var unit = await StorageUnit.OpenAsync(Volume(), new UnitEnvironment(_time, NewId), default);
        var list = await unit.ListImagesAsync(default);
        Assert.Empty(list.Damaged);
        foreach (var (id, disk) in _reported)
        {
            var image = list.Images.SingleOrDefault(i => i.Header.Id == id);
            Assert.True(image is not null, $"image {id} is lost");
            Assert.True(Same(disk, await RestoreAsync(unit, image)), $"image {id} came back wrong");
        }
        foreach (var image in list.Images.Where(i => !_reported.ContainsKey(i.Header.Id)))
        {
            var restored = await RestoreAsync(unit, image);
            Assert.True(_tried[image.Header.Id].Exists(disk => Same(disk, restored)), $"image {image.Header.Id} is half there");
            _reported[image.Header.Id] = restored;
        }
        Assert.Empty((await UnitVerify.RunAsync(unit, _keys, null, default)).Damage);
        await StepAsync(unit, null);
    }

    private async Task SpoilAsync()
    {
        _first = await OpenAsync();
        for (var step = 0; step < 3; step++) await StepAsync(_first, null);
        var path = _disk.Spoil();
        StorageUnit unit;
        try
        {
            unit = await StorageUnit.OpenAsync(Volume(), new UnitEnvironment(_time, NewId), default);
        }
        catch (TroubleException)
        {
            Assert.EndsWith("unit.json", path, StringComparison.Ordinal);
            return;
        }
        await using (unit)
        {
            var list = await unit.ListImagesAsync(default);
            foreach (var image in list.Images)
            {
                try
                {
                    Assert.True(Same(_reported[image.Header.Id], await RestoreAsync(unit, image)), $"wrong bytes of {path} were restored");
                }
                catch (TroubleException)
                {
                    // Refused, which is right.
                }
            }
            // What a session wrote when it began holds nothing that a reader needs.
            if (path.Contains("/sessions/", StringComparison.Ordinal)) return;
            var report = await UnitVerify.RunAsync(unit, _keys, null, default);
            Assert.True(report.Damage.Count > 0 || list.Images.Count < _reported.Count, $"{path} was spoiled and nothing was reported");
        }
    }

    private async Task<byte[]> RestoreAsync(StorageUnit unit, StoredImage image)
    {
        await using var reader = await unit.OpenReaderAsync(new ReaderScope(_keys.Domain), default);
        using var opener = new RecordOpener(_keys);
        var target = new MemoryTarget(image.Header.Streams[0].Length);
        await DiskDownload.RunAsync(reader, opener, image.Header.Streams[0], target, null, default);
        return target.Bytes;
    }

    private static bool Same(byte[] a, byte[] b) => a.AsSpan().SequenceEqual(b);

    private LocalVolume Volume() => new(Directory, NewId, null, _disk);

    private Guid NewId() => new(Interlocked.Increment(ref _ids), 1, 2, [3, 4, 5, 6, 7, 8, 9, 10]);

    private static readonly Guid s_vm = new("11111111-2222-3333-4444-555555555555");
}
