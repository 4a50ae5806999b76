using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Extents;
using Stillpoint.Lab;
using Kind = Stillpoint.Lab.CheckpointKind;

namespace Stillpoint.HyperV.Tests.Lab;

/// <summary>Random months of a VM, from fixed seeds: writes, checkpoints of both kinds, conversions, releases, reverts and restarts. At each
/// recovery checkpoint the frozen files are what the record says, and the answer of change tracking covers every byte that differs.</summary>
public sealed class HistoryTests
{
    private const int Length = 12 << 20;
    private const int Steps = 30;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task A_random_history_never_loses_a_byte(int seed)
    {
        var folder = Directory.CreateTempSubdirectory("lab-").FullName;
        try
        {
            // Ended also where a step fails: what still merges would hide the failure behind a folder that cannot be deleted.
            await using var history = new History(folder, seed);
            for (var step = 0; step < Steps; step++) await history.StepAsync();
            await history.EndAsync();
            Assert.True(history.Held >= 3, $"only {history.Held} recovery checkpoints in {Steps} steps");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class History : IAsyncDisposable
    {
        private readonly string _folder;
        private readonly Random _random;

        // Apart: ids are also taken by merges in the background, and must not disturb the steps.
        private readonly Random _ids = new(99);
        private LabParts _lab = null!;
        private byte[]? _base;
        private string? _baseId;
        private bool _reverted;

        public History(string folder, int seed)
        {
            _folder = folder;
            _random = new Random(seed);
            File.WriteAllBytes(Path.Combine(folder, "disk.raw"), new byte[Length]);
            Open();
        }

        /// <summary>Recovery checkpoints that were checked.</summary>
        public int Held { get; private set; }

        private Machine Vm => _lab.Context.State.FindByName("vm")!;

        public Task StepAsync() => _random.Next(10) switch
        {
            < 4 => _lab.Guests.WriteAsync(Vm, _random.Next(1, 600_000), null, CancellationToken.None),
            < 6 => BackUpAsync(),
            6 => _lab.Checkpoints.TakeAsync(Vm, Kind.User, 2, CancellationToken.None),
            7 => ReleaseAsync(),
            8 => RevertAsync(),
            _ => RestartAsync(),
        };

        public async Task EndAsync()
        {
            while (Vm.Checkpoints.Count > 0) await ReleaseAsync();
            await MergedAsync();
            Assert.Equal(Vm.Settings.Disks[0].Base, Vm.Settings.Disks[0].Path);
            Assert.Empty(Directory.GetFiles(_folder, "*.avhdx", SearchOption.AllDirectories));
            await BackUpAsync();
        }

        public ValueTask DisposeAsync() => _lab.DisposeAsync();

        private async Task BackUpAsync()
        {
            var checkpoint = await _lab.Checkpoints.TakeAsync(Vm, Kind.Recovery, 1, CancellationToken.None);
            var slot = checkpoint.Settings.Disks[0];
            var now = Read(slot.Path);
            Assert.Equal(_lab.Context.Records.Find(checkpoint.Id)!.Disks[0].Record.Sha256, Convert.ToHexStringLower(SHA256.HashData(now)));
            if (_base is not null && !_reverted)
            {
                var changed = _lab.Context.Tracking(slot).Query(_baseId!, checkpoint.TrackingIds[0])!;
                foreach (var run in changed.Intersect(ExtentSet.Whole(Length))) Copy(now, _base, run);
                Assert.Equal(now, _base);
            }
            Held++;
            (_base, _baseId, _reverted) = (now, checkpoint.TrackingIds[0], false);
            var before = Vm.ReferencePoints.ToArray();
            _lab.Checkpoints.Convert(Vm, checkpoint);
            foreach (var old in before) await _lab.Checkpoints.DestroyAsync(Vm, old, CancellationToken.None);
            if (_random.Next(2) == 0) await MergedAsync();
        }

        private async Task ReleaseAsync()
        {
            if (Vm.Checkpoints.Count == 0) return;
            await _lab.Checkpoints.DestroyAsync(Vm, Vm.Checkpoints[_random.Next(Vm.Checkpoints.Count)], CancellationToken.None);
        }

        private async Task RevertAsync()
        {
            await MergedAsync();
            var user = Vm.Checkpoints.FindAll(c => c.Kind == Kind.User);
            if (user.Count == 0) return;
            await _lab.Power.ChangeAsync(Vm, (int)PowerState.Off, CancellationToken.None);
            await _lab.Checkpoints.ApplyAsync(Vm, user[_random.Next(user.Count)], CancellationToken.None);
            await _lab.Power.ChangeAsync(Vm, (int)PowerState.Running, CancellationToken.None);
            _reverted = true;
        }

        private async Task RestartAsync()
        {
            await _lab.DisposeAsync();
            Open();
        }

        private async Task MergedAsync()
        {
            while (_lab.Context.State.Read(_ => Vm.MergePending)) await Task.Delay(5);
        }

        private void Open()
        {
            using var random = RandomNumberGenerator.Create();
            var options = new LabOptions
            {
                DataFolder = Path.Combine(_folder, "lab"), WithFixtures = false,
                Machines = [new UserMachine("vm", [Path.Combine(_folder, "disk.raw")])],
                MergeDelay = TimeSpan.FromMilliseconds(_random.Next(3)), Random = random, NewId = NextId,
            };
            _lab = new LabParts(options, NullLoggerFactory.Instance);
            new Furnishing(_lab.Context).Run(options);
            _lab.Resume();
        }

        private byte[] Read(string path)
        {
            using var disk = _lab.Context.Files.OpenRead(path);
            var bytes = new byte[disk.Length];
            disk.Read(0, bytes);
            return bytes;
        }

        private Guid NextId()
        {
            var bytes = new byte[16];
            lock (_ids) _ids.NextBytes(bytes);
            return new Guid(bytes);
        }

        private static void Copy(byte[] from, byte[] to, Extent run) =>
            from.AsSpan(checked((int)run.Offset), checked((int)run.Length)).CopyTo(to.AsSpan(checked((int)run.Offset)));
    }
}
