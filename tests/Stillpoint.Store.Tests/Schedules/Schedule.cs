using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>One random schedule: two writers, two collectors, a prune, a duplicate to a second unit, and a prune with collect there.</summary>
internal sealed class Schedule : IDisposable
{
    private const int DiskChunks = 12, Backups = 5;

    private readonly int _seed;
    private readonly bool _busy;
    private readonly ScheduleSum _sum;
    private readonly Side _first = new("first"), _second = new("second");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Scheduler _scheduler;
    private readonly DomainKeys _keys, _rotated;
    private readonly RandomNumberGenerator _fresh = RandomNumberGenerator.Create();
    private readonly SeededRandom _salts;
    private readonly ConcurrentDictionary<Guid, byte[]> _sent = new();
    private int _ids, _writing = 2;

    public Schedule(int seed, ScheduleSum sum)
    {
        // In every other one collects and prunes hardly rest.
        (_seed, _busy, _sum) = (seed, seed % 2 == 0, sum);
        _scheduler = new Scheduler(seed, _time);
        _salts = new SeededRandom(seed);
        var master = new byte[32];
        new Random(seed).NextBytes(master);
        _keys = new DomainKeys(master);
        _rotated = new DomainKeys(master, epoch: 1);
    }

    public async Task RunAsync()
    {
        _scheduler.Active = false;
        foreach (var side in new[] { _first, _second })
            await (await StorageUnit.CreateAsync(side.Volume, Disks.Chunk, 1, Environment, default)).DisposeAsync();
        _scheduler.Active = true;
        // Each process that is killed has a successor.
        Task[] processes =
        [
            Task.Run(() => WriterAsync(1)), Task.Run(() => WriterAsync(2)), Task.Run(() => KeeperAsync(3, "collect", [_first], CollectAsync)),
            Task.Run(() => KeeperAsync(4, "reseal", [_first], ResealAsync)), Task.Run(() => KeeperAsync(5, "prune", [_first], PruneAsync)),
            Task.Run(() => KeeperAsync(6, "duplicate", [_first, _second], DuplicateAsync)), Task.Run(() => KeeperAsync(7, "keep", [_second], KeepAsync)),
        ];
        await _scheduler.RunAsync(processes, killShare: 0.003);
        await Task.WhenAll(processes);
        _sum.Kills += _scheduler.Done.Kills;
        _sum.Pauses += _scheduler.Done.Pauses;
        _sum.Calls += _scheduler.Done.Calls;
        _scheduler.Active = false;
        await CheckAsync(_first);
        await CheckAsync(_second);
    }

    public void Dispose()
    {
        _keys.Dispose();
        _rotated.Dispose();
        _fresh.Dispose();
        _salts.Dispose();
    }

    private UnitEnvironment Environment => new(_time, NewId)
    {
        Margins = SafetyMargins.Default with { LeasePatience = TimeSpan.FromSeconds(90), Poll = TimeSpan.FromSeconds(5), DeadShare = 0.2 },
    };

    private async Task WriterAsync(int number)
    {
        var left = Backups;
        try
        {
            await ProcessAsync(number, "writer", [_first], () => left-- > 0, BackupAsync);
        }
        finally
        {
            Interlocked.Decrement(ref _writing);
        }
    }

    private Task KeeperAsync(int number, string name, Side[] sides, Func<Life, Task> work) => ProcessAsync(number, name, sides, IsWritten, async life =>
    {
        await Task.Delay(TimeSpan.FromSeconds(_busy ? life.Random.Next(3) : life.Random.Next(20, 120)), _time);
        await work(life);
    });

    private bool IsWritten() => Volatile.Read(ref _writing) > 0;

    private async Task ProcessAsync(int number, string name, Side[] sides, Func<bool> more, Func<Life, Task> work)
    {
        var random = new Random(_seed * 31 + number);
        while (more())
        {
            var process = new ScheduledProcess($"{name} {number}", _scheduler);
            try
            {
                await using var unit = await OpenAsync(sides[0], process);
                await using var target = sides.Length > 1 ? await OpenAsync(sides[1], process) : null;
                var life = new Life(process, sides[0], unit, target, random);
                do await work(life);
                while (more());
            }
            catch (Exception e) when (process.Dead && e is (IOException or TroubleException))
            {
                // The next round of the loop is its successor.
            }
        }
    }

    private Task<StorageUnit> OpenAsync(Side side, ScheduledProcess process) =>
        StorageUnit.OpenAsync(new ScheduledVolume(side.Volume, process), Environment, default);

    private async Task BackupAsync(Life life)
    {
        try
        {
            await using var writer = await life.Unit.OpenWriterAsync(new WriterScope(_keys.Domain), default);
            var images = await writer.ListImagesAsync(default);
            var basedOn = images.Count > 0 && life.Random.Next(3) > 0 ? images[life.Random.Next(Math.Min(2, images.Count))] : null;
            var disk = basedOn is null ? new byte[DiskChunks * Disks.Chunk] : (byte[])_sent[basedOn.Header.Id].Clone();
            var changed = Change(disk, life.Random, basedOn is null ? DiskChunks : 3);
            using var session = new UploadSession(writer, _keys, _salts);
            var source = new MemorySource(disk);
            var diskWork = basedOn is null ? DiskWork.Full(source) : DiskWork.Changes(source, changed, basedOn.Header.Streams[0].Root);
            var stream = await DiskUpload.RunAsync(session, diskWork, null, default);
            var header = new ImageHeader(
                NewId(), _keys.Domain, new Guid(1, 0, 0, new byte[8]), NewId(), _time.GetUtcNow(),
                basedOn is null ? ImageType.Full : ImageType.DifferentialIncremental, Consistency.Off, basedOn?.Header.Id, [stream]);
            _sent[header.Id] = disk;
            var details = ImageDetailsCodec.Seal(_keys, header, TestUnit.Details("web", disk.Length), _salts);
            await writer.CommitAsync(header, details, session.Totals, default);
            _first.Acknowledged[header.Id] = true;
            Interlocked.Increment(ref _sum.Committed);
        }
        catch (TroubleException e) when (!life.Process.Dead)
        {
            Refuse(e);
        }
    }

    private async Task DuplicateAsync(Life life)
    {
        try
        {
            var report = await UnitDuplicate.RunAsync(life.Unit, life.Target!, _ => true, null, default);
            foreach (var image in report.Images) _second.Acknowledged[image] = true;
            Interlocked.Add(ref _sum.Copied, report.Images.Count);
        }
        catch (TroubleException e) when (!life.Process.Dead)
        {
            Refuse(e);
        }
    }

    /// <summary>Fenced, or its base or what it copied went: said clearly, and to be run again.</summary>
    private void Refuse(TroubleException e)
    {
        Assert.True(e.Trouble.Retry || e.Trouble.NextStep.Contains("run", StringComparison.Ordinal), $"seed {_seed}: {e.Message}");
        Interlocked.Increment(ref _sum.Refused);
    }

    /// <summary>Few contents, so that images and writers share chunks all the time.</summary>
    private static ExtentSet Change(byte[] disk, Random random, int chunks)
    {
        var changed = new List<Extent>();
        for (var i = 0; i < chunks; i++)
        {
            var at = chunks == DiskChunks ? i : random.Next(DiskChunks);
            new Random(random.Next(24)).NextBytes(disk.AsSpan(at * Disks.Chunk, Disks.Chunk));
            changed.Add(new Extent((long)at * Disks.Chunk, Disks.Chunk));
        }
        return ExtentSet.Of(changed);
    }

    private Task CollectAsync(Life life) => CollectAsync(life, null);

    /// <summary>One that seals anew, at a later epoch than the writers have.</summary>
    private Task ResealAsync(Life life) => CollectAsync(life, new CollectKeys(_rotated, _fresh));

    private async Task CollectAsync(Life life, CollectKeys? keys)
    {
        TimeSpan? most = life.Random.Next(3) == 0 ? TimeSpan.FromSeconds(life.Random.Next(60)) : null;
        var report = await Collector.RunAsync(life.Unit, new CollectOptions(most, Keys: keys), null, default);
        lock (_sum)
        {
            _sum.Deleted += report.PacksDeleted;
            _sum.Rewritten += report.PacksRewritten;
            _sum.Resealed += report.PacksResealed;
            _sum.Kept += report.PacksKept;
            _sum.Fenced += report.SessionsFenced;
        }
    }

    private async Task PruneAsync(Life life)
    {
        var plan = await Pruner.PlanAsync(life.Unit, new RetentionPolicy(Last: life.Random.Next(1, 4)), null, _keys, default);
        // Before the call: a process that is killed in it may have given them up.
        foreach (var image in plan.Going) life.Side.Expired[image.Id] = true;
        var gone = await Pruner.ExecuteAsync(life.Unit, plan, _keys, null, default);
        Interlocked.Add(ref _sum.Expired, gone.Count);
    }

    private async Task KeepAsync(Life life)
    {
        await PruneAsync(life);
        await CollectAsync(life);
    }

    private async Task CheckAsync(Side side)
    {
        var where = $"seed {_seed}, {side.Name} unit";
        await using var unit = await StorageUnit.OpenAsync(side.Volume, Environment, default);
        for (var i = 0; i < 2; i++)
        {
            var collect = Collector.RunAsync(unit, new CollectOptions(Keys: i == 0 ? null : new CollectKeys(_rotated, _fresh)), null, default);
            await _scheduler.EndAsync(collect);
            Assert.True((await collect).Finished);
            var verify = await UnitVerify.RunAsync(unit, _keys, null, default);
            Assert.True(verify.Damage.Count == 0, $"{where}: {string.Join('\n', verify.Damage)}");
        }
        var images = (await unit.ListImagesAsync(default)).Images;
        var lost = side.Acknowledged.Keys.Except(images.Select(i => i.Header.Id)).Where(id => !side.Expired.ContainsKey(id)).ToList();
        Assert.True(lost.Count == 0, $"{where}: {lost.Count} images that were committed are gone");
        await using var reader = await unit.OpenReaderAsync(new ReaderScope(_keys.Domain), default);
        using var opener = new RecordOpener(_keys);
        foreach (var image in images)
        {
            var target = new MemoryTarget(DiskChunks * Disks.Chunk);
            await DiskDownload.RunAsync(reader, opener, image.Header.Streams[0], target, null, default);
            var same = target.Bytes.AsSpan().SequenceEqual(_sent[image.Header.Id]);
            Assert.True(same, $"{where}: image {image.Header.Id} restores to other bytes");
        }
        Assert.All(await unit.EpochsAsync(_keys.Domain, default), use => Assert.True(use.Epoch == 1 || use.Packs == 0, $"{where}: {use}"));
        foreach (var left in new[] { "condemned/", "sessions/", "leases/" }) Assert.Empty(await side.Volume.ListAsync(left, default));
    }

    private Guid NewId()
    {
        var bytes = new byte[16];
        new Random(_seed * 1_000_003 + Interlocked.Increment(ref _ids)).NextBytes(bytes);
        return new Guid(bytes);
    }

    /// <summary>A unit, what was committed to it and what was given up there.</summary>
    private sealed record Side(string Name)
    {
        public MemoryVolume Volume { get; } = new();

        public ConcurrentDictionary<Guid, bool> Acknowledged { get; } = new();

        public ConcurrentDictionary<Guid, bool> Expired { get; } = new();
    }

    /// <summary>A process from its start to its death, with the unit that it works on, and the one that it copies to.</summary>
    private sealed record Life(ScheduledProcess Process, Side Side, StorageUnit Unit, StorageUnit? Target, Random Random);
}
