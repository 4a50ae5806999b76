using Microsoft.Extensions.Time.Testing;
using Stillpoint.Client;
using Stillpoint.HyperV;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Roles.Tests.Client;

/// <summary>While a checkpoint is open the client itself looks at the host, and gives up with a reason at a limit.</summary>
public sealed class HostWatchTests
{
    private const long Gibibyte = 1L << 30;
    private static readonly HostLimits s_limits = HostLimits.Default with { CheckpointAge = TimeSpan.FromHours(1) };
    private readonly FakeTimeProvider _time = new();
    private readonly Volume _volume = new() { Free = 50 * Gibibyte, Total = 100 * Gibibyte };

    [Fact]
    public async Task A_volume_that_fills_stops_the_run_and_is_named()
    {
        await using var watch = Watch(TestContext.Current.CancellationToken);
        _volume.Free = 9 * Gibibyte;
        _time.Advance(s_limits.Interval);
        await StoppedAsync(watch);
        Assert.Contains(@"C:\VMs\web.vhdx", watch.Reason!.Culprit, StringComparison.Ordinal);
        Assert.Contains("9.00 GiB of 100 GiB are free", watch.Reason.Message, StringComparison.Ordinal);
        Assert.Contains("--keep-free", watch.Reason.NextStep, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_checkpoint_that_grows_old_stops_the_run()
    {
        await using var watch = Watch(TestContext.Current.CancellationToken);
        for (var looks = 0; looks < 10_000 && !watch.Token.IsCancellationRequested; looks++)
        {
            _time.Advance(s_limits.Interval);
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
        await StoppedAsync(watch);
        Assert.Contains("open for 1 hours", watch.Reason!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_all_is_well_only_the_caller_stops_the_run()
    {
        using var caller = new CancellationTokenSource();
        await using var watch = Watch(caller.Token);
        _time.Advance(s_limits.Interval * 3);
        Assert.False(watch.Token.IsCancellationRequested);
        await caller.CancelAsync();
        Assert.True(watch.Token.IsCancellationRequested);
        Assert.Null(watch.Reason);
    }

    [Theory]
    [InlineData(100, 9, true)]
    [InlineData(100, 11, false)]
    [InlineData(10_000, 19, true)]
    [InlineData(10_000, 21, false)]
    public void The_floor_is_a_tenth_of_the_volume_or_20_GiB_whichever_is_less(long totalGib, long freeGib, bool trouble)
    {
        var volume = new Volume { Free = freeGib * Gibibyte, Total = totalGib * Gibibyte };
        Assert.Equal(trouble, HostWatch.SpaceTrouble(volume, [@"C:\VMs\web.vhdx"], HostLimits.Default) is not null);
    }

    private HostWatch Watch(CancellationToken cancel) => new(_volume, [@"C:\VMs\web.vhdx"], s_limits, _time, cancel);

    private static async Task StoppedAsync(HostWatch watch)
    {
        var stopped = new TaskCompletionSource();
        await using var registration = watch.Token.Register(stopped.SetResult);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    /// <summary>A volume whose fill the test sets: a real one cannot be filled to a chosen share.</summary>
    private sealed class Volume : IHostFiles
    {
        public long Free { get; set; }

        public long Total { get; init; }

        public VolumeSpace Space(string hostPath) => new(Free, Total);

        public VirtualDisk OpenWritable(string hostPath) => throw new NotSupportedException();

        public VirtualDisk OpenDisk(string hostPath) => throw new NotSupportedException();

        public VirtualDisk CreateDisk(string hostPath, long length, int logicalSectorSize) => throw new NotSupportedException();

        public FileStream OpenRead(string hostPath) => throw new NotSupportedException();

        public FileStream Create(string hostPath) => throw new NotSupportedException();

        public bool Exists(string hostPath) => throw new NotSupportedException();

        public void Delete(string hostPath) => throw new NotSupportedException();

        public void DeleteFolderIfEmpty(string hostPath) => throw new NotSupportedException();

        public IReadOnlyList<string> List(string hostFolder, string pattern) => throw new NotSupportedException();

        public long Length(string hostPath) => throw new NotSupportedException();
    }
}
