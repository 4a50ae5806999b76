using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>
/// The real engine under random schedules: writers, collectors and prunes as processes on one volume, each stopped and killed at any call. At the
/// end every image that was committed and not given up restores to what was backed up, and nothing is damaged. Threads of one process run as they
/// like, so a seed draws a family of schedules, not one.
/// </summary>
[Trait("Kind", "Slow")]
public sealed class ScheduleTests
{
    [Fact]
    public async Task Forty_schedules_lose_nothing()
    {
        var sum = new Sum();
        for (var seed = 1; seed <= 40; seed++) await new Schedule(seed).RunAsync(sum);
        TestContext.Current.TestOutputHelper?.WriteLine($"40 schedules: {sum}");
        // A schedule in which nothing of note happened proves nothing.
        Assert.True(sum is { Committed: > 100, Expired: > 30, Deleted: > 50, Rewritten: > 5, Resealed: > 50, Fenced: > 2, Kills: > 30 }, $"{sum}");
    }

    [Fact(Explicit = true)]
    public async Task A_thousand_schedules_lose_nothing()
    {
        var sum = new Sum();
        for (var seed = 1001; seed <= 2000; seed++) await new Schedule(seed).RunAsync(sum);
        TestContext.Current.TestOutputHelper?.WriteLine($"1,000 schedules: {sum}");
        Assert.True(sum.Fenced > 100, $"{sum}");
    }

    /// <summary>What happened in all schedules.</summary>
    private sealed record Sum
    {
        public int Committed, Expired, Deleted, Rewritten, Resealed, Kept, Fenced, Kills, Pauses, Refused, Calls;

        public override string ToString() =>
            $"{Calls} calls, {Committed} images committed, {Refused} backups refused, {Expired} given up, {Deleted} packs deleted, "
            + $"{Rewritten} rewritten, {Resealed} sealed anew, {Kept} kept after all, {Fenced} sessions fenced, {Kills} kills, {Pauses} pauses";
    }

    private sealed class Schedule
    {
        private const int DiskChunks = 12, Backups = 5;

        private readonly int _seed;
        private readonly bool _busy;
        private readonly MemoryVolume _volume = new();
        private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));
        private readonly Scheduler _scheduler;
        private readonly DomainKeys _keys, _rotated;
        private readonly RandomNumberGenerator _fresh = RandomNumberGenerator.Create();
        private readonly SeededRandom _salts;
        private readonly ConcurrentDictionary<Guid, byte[]> _sent = new();
        private readonly ConcurrentDictionary<Guid, bool> _acknowledged = new();
        private readonly ConcurrentDictionary<Guid, bool> _expired = new();
        private int _ids, _writing = 2;
        private Sum _sum = null!;

        public Schedule(int seed)
        {
            // In every other one collects and prunes hardly rest.
            (_seed, _busy) = (seed, seed % 2 == 0);
            _scheduler = new Scheduler(seed, _time);
            _salts = new SeededRandom(seed);
            var master = new byte[32];
            new Random(seed).NextBytes(master);
            _keys = new DomainKeys(master);
            _rotated = new DomainKeys(master, epoch: 1);
        }

        public async Task RunAsync(Sum sum)
        {
            _sum = sum;
            _scheduler.Active = false;
            await (await StorageUnit.CreateAsync(_volume, Disks.Chunk, 1, Environment, default)).DisposeAsync();
            _scheduler.Active = true;
            // Each process that is killed has a successor.
            Task[] processes =
            [
                Task.Run(() => WriterAsync(1)), Task.Run(() => WriterAsync(2)), Task.Run(() => KeeperAsync(3, CollectAsync)),
                Task.Run(() => KeeperAsync(4, ResealAsync)), Task.Run(() => KeeperAsync(5, PruneAsync)),
            ];
            await _scheduler.RunAsync(processes, killShare: 0.003);
            await Task.WhenAll(processes);
            sum.Kills += _scheduler.Done.Kills;
            sum.Pauses += _scheduler.Done.Pauses;
            sum.Calls += _scheduler.Done.Calls;
            _scheduler.Active = false;
            await CheckAsync();
            _keys.Dispose();
            _rotated.Dispose();
            _fresh.Dispose();
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
                await ProcessAsync(number, () => left-- > 0, BackupAsync);
            }
            finally
            {
                Interlocked.Decrement(ref _writing);
            }
        }

        private Task KeeperAsync(int number, Func<StorageUnit, Random, Task> work) => ProcessAsync(number, IsWritten, async (unit, random) =>
        {
            await Task.Delay(TimeSpan.FromSeconds(_busy ? random.Next(3) : random.Next(20, 120)), _time);
            await work(unit, random);
        });

        private bool IsWritten() => Volatile.Read(ref _writing) > 0;

        private async Task ProcessAsync(int number, Func<bool> more, Func<StorageUnit, Random, Task> work)
        {
            var random = new Random(_seed * 31 + number);
            while (more())
            {
                var volume = new ScheduledVolume(_volume, _scheduler);
                try
                {
                    await using var unit = await StorageUnit.OpenAsync(volume, Environment, default);
                    do await work(unit, random);
                    while (more());
                }
                catch (Exception e) when (volume.Dead && e is (IOException or TroubleException))
                {
                    // The next round of the loop is its successor.
                }
            }
        }

        private async Task BackupAsync(StorageUnit unit, Random random)
        {
            try
            {
                await using var writer = await unit.OpenWriterAsync(new WriterScope(_keys.Domain), default);
                var images = await writer.ListImagesAsync(default);
                var basedOn = images.Count > 0 && random.Next(3) > 0 ? images[random.Next(Math.Min(2, images.Count))] : null;
                var disk = basedOn is null ? new byte[DiskChunks * Disks.Chunk] : (byte[])_sent[basedOn.Header.Id].Clone();
                var changed = Change(disk, random, basedOn is null ? DiskChunks : 3);
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
                _acknowledged[header.Id] = true;
                Interlocked.Increment(ref _sum.Committed);
            }
            catch (TroubleException e) when (!((ScheduledVolume)unit.Volume).Dead)
            {
                // Fenced, or its base went: said clearly, and to be run again.
                Assert.True(e.Trouble.Retry || e.Trouble.NextStep.Contains("run", StringComparison.Ordinal), e.Message);
                Interlocked.Increment(ref _sum.Refused);
            }
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

        private Task CollectAsync(StorageUnit unit, Random random) => CollectAsync(unit, random, null);

        /// <summary>One that seals anew, at a later epoch than the writers have.</summary>
        private Task ResealAsync(StorageUnit unit, Random random) => CollectAsync(unit, random, new CollectKeys(_rotated, _fresh));

        private async Task CollectAsync(StorageUnit unit, Random random, CollectKeys? keys)
        {
            TimeSpan? most = random.Next(3) == 0 ? TimeSpan.FromSeconds(random.Next(60)) : null;
            var report = await Collector.RunAsync(unit, new CollectOptions(most, Keys: keys), null, default);
            lock (_sum)
            {
                _sum.Deleted += report.PacksDeleted;
                _sum.Rewritten += report.PacksRewritten;
                _sum.Resealed += report.PacksResealed;
                _sum.Kept += report.PacksKept;
                _sum.Fenced += report.SessionsFenced;
            }
        }

        private async Task PruneAsync(StorageUnit unit, Random random)
        {
            var plan = await Pruner.PlanAsync(unit, new RetentionPolicy(Last: random.Next(1, 4)), null, _keys, default);
            // Before the call: a process that is killed in it may have given them up.
            foreach (var image in plan.Going) _expired[image.Id] = true;
            var gone = await Pruner.ExecuteAsync(unit, plan, _keys, null, default);
            Interlocked.Add(ref _sum.Expired, gone.Count);
        }

        private async Task CheckAsync()
        {
            await using var unit = await StorageUnit.OpenAsync(_volume, Environment, default);
            for (var i = 0; i < 2; i++)
            {
                var collect = Collector.RunAsync(unit, new CollectOptions(Keys: i == 0 ? null : new CollectKeys(_rotated, _fresh)), null, default);
                while (!collect.IsCompleted)
                {
                    _time.Advance(TimeSpan.FromSeconds(5));
                    await Task.Yield();
                }
                Assert.True((await collect).Finished);
                var verify = await UnitVerify.RunAsync(unit, _keys, null, default);
                Assert.True(verify.Damage.Count == 0, $"seed {_seed}: {string.Join('\n', verify.Damage)}");
            }
            var images = (await unit.ListImagesAsync(default)).Images;
            var lost = _acknowledged.Keys.Except(images.Select(i => i.Header.Id)).Where(id => !_expired.ContainsKey(id)).ToList();
            Assert.True(lost.Count == 0, $"seed {_seed}: {lost.Count} images that were committed are gone");
            await using var reader = await unit.OpenReaderAsync(new ReaderScope(_keys.Domain), default);
            using var opener = new RecordOpener(_keys);
            foreach (var image in images)
            {
                var target = new MemoryTarget(DiskChunks * Disks.Chunk);
                await DiskDownload.RunAsync(reader, opener, image.Header.Streams[0], target, null, default);
                var same = target.Bytes.AsSpan().SequenceEqual(_sent[image.Header.Id]);
                Assert.True(same, $"seed {_seed}: image {image.Header.Id} restores to other bytes");
            }
            Assert.Empty(await _volume.ListAsync("condemned/", default));
            Assert.All(await unit.EpochsAsync(_keys.Domain, default), use => Assert.True(use.Epoch == 1 || use.Packs == 0, $"seed {_seed}: {use}"));
        }

        private Guid NewId()
        {
            var bytes = new byte[16];
            new Random(_seed * 1_000_003 + Interlocked.Increment(ref _ids)).NextBytes(bytes);
            return new Guid(bytes);
        }
    }
}
