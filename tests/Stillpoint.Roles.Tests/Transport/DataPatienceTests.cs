using Microsoft.Extensions.Time.Testing;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>Leases and silences, on a clock that the test turns.</summary>
public sealed class DataPatienceTests
{
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_session_is_held_for_its_lease_and_then_let_go()
    {
        await using var rig = new DataRig(time: _time);
        await using var proxy = new CuttingProxy(rig.EndPoint.Port);
        await using var client = await rig.OpenAsync(address: proxy.Address, options: new DataClientOptions { ResumeFor = TimeSpan.FromMinutes(1) });
        await client.PutRecordAsync(rig.Record(), Cancel);
        await client.FlushAsync(Cancel);
        proxy.Closed = true;
        proxy.CutAll();
        var flush = client.FlushAsync(Cancel);
        while (rig.Server.Connections > 0) await Task.Delay(5, Cancel);

        while (!flush.IsCompleted) await TurnAsync(TimeSpan.FromSeconds(2));
        Assert.True((await Assert.ThrowsAsync<TroubleException>(() => flush)).Trouble.Retry);
        Assert.Equal(1, rig.Server.Sessions);
        Assert.False(rig.Units.Opened.Single().IsDisposed);

        for (var turned = TimeSpan.Zero; turned <= rig.Options.SessionLease + TimeSpan.FromSeconds(20); turned += TimeSpan.FromSeconds(10))
        {
            await TurnAsync(TimeSpan.FromSeconds(10));
        }
        while (rig.Server.Sessions > 0) await TurnAsync(TimeSpan.FromSeconds(10));
        Assert.True(rig.Units.Opened.Single().IsDisposed);
    }

    [Fact]
    public async Task A_connection_that_carries_nothing_any_more_is_replaced()
    {
        await using var rig = new DataRig(time: _time);
        await using var proxy = new CuttingProxy(rig.EndPoint.Port);
        await using var client = await rig.OpenAsync(address: proxy.Address);
        await client.FlushAsync(Cancel);
        proxy.StallAll();
        await client.PutRecordAsync(rig.Record(), Cancel);
        var flush = client.FlushAsync(Cancel);
        while (!flush.IsCompleted) await TurnAsync(TimeSpan.FromSeconds(3));
        await flush;
        Assert.Equal(1, client.Resumptions);
        Assert.Single(rig.Units.Opened.Single().Order);
    }

    [Fact]
    public async Task An_address_where_nothing_listens_is_named_after_twenty_seconds()
    {
        await using var rig = new DataRig(time: _time);
        var proxy = new CuttingProxy(rig.EndPoint.Port);
        await using var client = await rig.OpenAsync(address: proxy.Address);
        await client.FlushAsync(Cancel);
        await proxy.DisposeAsync();
        var flush = client.FlushAsync(Cancel);
        var turned = TimeSpan.Zero;
        for (; !flush.IsCompleted; turned += TimeSpan.FromSeconds(1)) await TurnAsync(TimeSpan.FromSeconds(1));
        var trouble = (await Assert.ThrowsAsync<TroubleException>(() => flush)).Trouble;
        Assert.InRange(turned, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(35));
        Assert.Equal($"media server {proxy.Address}", trouble.Culprit);
        Assert.Matches("its address has refused others for 2[0-9] s", trouble.Message);
        Assert.Contains("Look whether the media server runs", trouble.NextStep, StringComparison.Ordinal);
        Assert.True(trouble.Retry);
    }

    [Fact]
    public async Task An_address_that_answers_again_in_time_goes_on()
    {
        await using var rig = new DataRig(time: _time);
        var proxy = new CuttingProxy(rig.EndPoint.Port);
        await using var client = await rig.OpenAsync(address: proxy.Address);
        await client.PutRecordAsync(rig.Record(), Cancel);
        await client.FlushAsync(Cancel);
        var port = proxy.Port;
        await proxy.DisposeAsync();
        for (var turned = 0; turned < 12; turned++) await TurnAsync(TimeSpan.FromSeconds(1));
        await using var again = new CuttingProxy(rig.EndPoint.Port, port) { Closed = true };
        var flush = client.FlushAsync(Cancel);
        // Somebody answers, and cuts: that is no dead address, and has the longer patience.
        for (var turned = 0; turned < 40; turned++) await TurnAsync(TimeSpan.FromSeconds(1));
        Assert.False(flush.IsCompleted);
        again.Closed = false;
        while (!flush.IsCompleted) await TurnAsync(TimeSpan.FromSeconds(1));
        await flush;
        Assert.Equal(1, client.Resumptions);
        Assert.Single(rig.Units.Opened.Single().Order);
        // While there is a wire for its goodbye.
        await client.DisposeAsync();
    }

    [Fact]
    public async Task A_unit_that_takes_long_is_no_broken_connection()
    {
        await using var rig = new DataRig(time: _time);
        var gate = new TaskCompletionSource();
        rig.Units.BeforePut = _ => gate.Task;
        await using var client = await rig.OpenAsync();
        await client.PutRecordAsync(rig.Record(), Cancel);
        var flush = client.FlushAsync(Cancel);
        for (var turned = 0; turned < 60; turned++) await TurnAsync(TimeSpan.FromSeconds(3));
        Assert.False(flush.IsCompleted);
        gate.SetResult();
        while (!flush.IsCompleted) await TurnAsync(TimeSpan.FromSeconds(1));
        await flush;
        Assert.Equal(0, client.Resumptions);
    }

    /// <summary>Turns the clock a little and lets what that set off happen.</summary>
    private async Task TurnAsync(TimeSpan by)
    {
        _time.Advance(by);
        await Task.Delay(25, Cancel);
    }
}
