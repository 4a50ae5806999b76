using Microsoft.Extensions.Time.Testing;
using Stillpoint.Client;
using Stillpoint.Lab;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Host;

/// <summary>A client takes no more of its host than it may.</summary>
public sealed class HostLoadTests
{
    private static readonly HostLoad s_load = new() { Checkpoints = 2, PerVolume = 1, Transfers = 3 };
    private readonly HostGates _gates = new(s_load);
    private readonly List<string> _told = [];

    [Fact]
    public async Task Jobs_wait_for_their_volume_and_others_pass_by()
    {
        var first = await EnterAsync(HostUse.Backup, 1, @"C:\VMs\a.vhdx").WaitAsync(TimeSpan.FromSeconds(5));
        var second = EnterAsync(HostUse.Backup, 2, @"c:\Other\b.vhdx");
        var elsewhere = await EnterAsync(HostUse.Backup, 3, @"D:\VMs\c.vhdx").WaitAsync(TimeSpan.FromSeconds(5));
        Assert.False(second.IsCompleted);
        Assert.Contains("volume C:", Assert.Single(_told), StringComparison.OrdinalIgnoreCase);
        var third = EnterAsync(HostUse.Backup, 4, @"E:\VMs\d.vhdx");
        Assert.Contains("2 checkpoints", _told[^1], StringComparison.Ordinal);
        using var restore = await EnterAsync(HostUse.Restore, null, @"F:\new.vhdx").WaitAsync(TimeSpan.FromSeconds(5));
        var fourth = EnterAsync(HostUse.Restore, null, @"G:\new.vhdx");
        Assert.Contains("3 jobs", _told[^1], StringComparison.Ordinal);
        first.Dispose();
        (await second.WaitAsync(TimeSpan.FromSeconds(5))).Dispose();
        elsewhere.Dispose();
        (await third.WaitAsync(TimeSpan.FromSeconds(5))).Dispose();
        (await fourth.WaitAsync(TimeSpan.FromSeconds(5))).Dispose();
    }

    [Fact]
    public async Task One_vm_has_one_job_and_a_cancelled_wait_takes_no_turn()
    {
        var first = await EnterAsync(HostUse.Backup, 1, @"C:\a.vhdx");
        using var stop = new CancellationTokenSource();
        var cancelled = _gates.EnterAsync(HostUse.Backup, Id(1), [@"D:\b.vhdx"], Tell, stop.Token);
        var after = EnterAsync(HostUse.Backup, 1, @"D:\b.vhdx");
        Assert.Equal(2, _told.Count(t => t.Contains("this VM", StringComparison.Ordinal)));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        first.Dispose();
        (await after.WaitAsync(TimeSpan.FromSeconds(5))).Dispose();
    }

    [Theory]
    [InlineData(@"C:\VMs\a.vhdx", "C:")]
    [InlineData(@"C:\ClusterStorage\Volume2\VMs\a.vhdx", @"C:\ClusterStorage\Volume2")]
    [InlineData(@"\\server\share\VMs\a.vhdx", @"\\server\share")]
    [InlineData(@"\\server", @"\\server")]
    [InlineData("x", "x")]
    public void A_path_tells_its_volume(string path, string volume) => Assert.Equal(volume, Stillpoint.Client.HostPaths.VolumeOf(path));

    [Fact]
    public async Task No_more_is_read_than_the_bandwidth_allows()
    {
        var time = new FakeTimeProvider();
        var pace = new ReadPace(new HostLoad { BytesPerSecond = 1 << 20 }, time);
        await pace.BeforeAsync(1 << 20, default);
        var next = pace.BeforeAsync(1 << 20, default).AsTask();
        time.Advance(TimeSpan.FromSeconds(0.9));
        Assert.False(next.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));
        await next.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Slow_storage_is_given_way_to_and_read_fast_again_when_it_has_recovered()
    {
        var time = new FakeTimeProvider();
        var pace = new ReadPace(new HostLoad { SlowRead = TimeSpan.FromMilliseconds(100) }, time);
        pace.After(TimeSpan.FromMilliseconds(20));
        Assert.True(pace.BeforeAsync(1, default).AsTask().IsCompleted);
        for (var i = 0; i < 8; i++) pace.After(TimeSpan.FromSeconds(1));
        var held = pace.BeforeAsync(1, default).AsTask();
        Assert.False(held.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        await held.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.InRange(pace.HeldBack, TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1));
        for (var i = 0; i < 20; i++) pace.After(TimeSpan.FromMilliseconds(5));
        Assert.True(pace.BeforeAsync(1, default).AsTask().IsCompleted);
    }

    [Fact]
    public async Task Two_vms_on_one_volume_never_have_two_checkpoints_open_where_one_is_allowed()
    {
        await using var rig = await HostRig.StartAsync(o => o, s => s with { Load = s_load }, HostRig.Vm("a"), HostRig.Vm("b"));
        await rig.WriteAsync("a");
        await rig.WriteAsync("b");
        var reports = await Task.WhenAll(rig.BackupAsync(await rig.OrderAsync("a")), rig.BackupAsync(await rig.OrderAsync("b")));
        Assert.All(reports, r => HostRig.Good(r));
        PhaseRecord Of(JobReport report, Phase phase) => report.Phases.Single(p => p.Phase == phase);
        var spans = reports.Select(r => (From: Of(r, Phase.Checkpoint).Started, To: Of(r, Phase.Merge).Ended!.Value)).OrderBy(s => s.From).ToList();
        Assert.True(spans[1].From >= spans[0].To, $"{spans[0]} and {spans[1]} overlap");
    }

    private Task<IDisposable> EnterAsync(HostUse use, int? vm, string path) => _gates.EnterAsync(use, vm is { } id ? Id(id) : null, [path], Tell, default);

    private static Guid Id(int number) => new(number, 0, 0, new byte[8]);

    private Task Tell(string missing)
    {
        _told.Add(missing);
        return Task.CompletedTask;
    }
}
