using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Upkeep of the index beside crashes, faults and other writers: packs answer whatever happens to runs.</summary>
public sealed class RunFaultTests
{
    /// <summary>Calls to the volume fail in turn, early ones each and later ones with gaps, as when the process dies there.</summary>
    [Theory]
    [InlineData(nameof(VolumeCall.List))]
    [InlineData(nameof(VolumeCall.Read))]
    [InlineData(nameof(VolumeCall.Create))]
    [InlineData(nameof(VolumeCall.Append))]
    [InlineData(nameof(VolumeCall.Complete))]
    [InlineData(nameof(VolumeCall.Sync))]
    public async Task Upkeep_that_dies_anywhere_leaves_a_sound_index(string name)
    {
        var call = Enum.Parse<VolumeCall>(name);
        FaultyVolume faulty = null!;
        await using var rig = RunRig.OnDisk(wrap: volume => faulty = new FaultyVolume(volume));
        await rig.AddPacksAsync(20, 12);
        await rig.UpkeepAsync(UpkeepDepth.Full);
        await rig.AddPacksAsync(20, 12);
        for (var nth = 0; ; nth += 1 + nth / 8)
        {
            faulty.Plan(call, nth, () => new IOException("fault"));
            try
            {
                await rig.UpkeepAsync(UpkeepDepth.Full);
            }
            catch (IOException)
            {
                Assert.True(faulty.Fired);
            }
            var fired = faulty.Fired;
            faulty.Plan(call, int.MaxValue, () => new IOException("never"));
            using var index = rig.NewIndex();
            Assert.True(await index.RefreshAsync(rig.Volume, rig.Unit, default));
            await rig.CheckAsync(index);
            if (!fired) break;
            // So that there is something to do again.
            await rig.AddPacksAsync(2, 3);
            Assert.True(nth < 500, "the fault never stopped firing");
        }
        Assert.Equal(1, (await rig.UpkeepAsync(UpkeepDepth.Full)).Runs);
    }

    /// <summary>Two processes do the upkeep of one unit at once, over and over, while packs come and go.</summary>
    [Fact]
    public async Task Two_upkeeps_at_once_are_harmless()
    {
        await using var rig = RunRig.OnDisk(seed: 8);
        for (var round = 0; round < 6; round++)
        {
            await rig.AddPacksAsync(20, 10);
            await Task.WhenAll(Task.Run(() => rig.UpkeepAsync(UpkeepDepth.Full)), Task.Run(() => rig.UpkeepAsync(UpkeepDepth.Full)));
            using var index = rig.NewIndex();
            Assert.True(await index.RefreshAsync(rig.Volume, rig.Unit, default));
            await rig.CheckAsync(index);
            await rig.DeletePackAsync(rig.Packs.Keys.Min(StringComparer.Ordinal)!);
        }
        var report = await rig.UpkeepAsync(UpkeepDepth.Full);
        Assert.Equal((1, 0, (long)rig.Packs.Count), (report.Runs, report.Loose, report.Packs));
    }

    /// <summary>An index that is open goes on with runs that others merged and removed meanwhile.</summary>
    [Fact]
    public async Task An_open_index_outlives_the_runs_it_reads()
    {
        await using var rig = RunRig.OnDisk(seed: 9);
        await rig.AddPacksAsync(20, 10);
        await rig.UpkeepAsync(UpkeepDepth.Full);
        using var index = rig.NewIndex();
        await index.RefreshAsync(rig.Volume, rig.Unit, default);
        await rig.AddPacksAsync(20, 10);
        await rig.UpkeepAsync(UpkeepDepth.Full);
        await index.RefreshAsync(rig.Volume, rig.Unit, default);
        Assert.Equal(0, index.Loose);
        await rig.CheckAsync(index);
        foreach (var run in await rig.RunsAsync()) await rig.Volume.DeleteAsync(run, default);
        await rig.AddPacksAsync(20, 10);
        await index.RefreshAsync(rig.Volume, rig.Unit, default);
        await rig.CheckAsync(index);
    }

    [Fact]
    public async Task What_an_upkeep_left_half_written_is_not_seen()
    {
        await using var rig = RunRig.OnDisk(seed: 10);
        await rig.AddPacksAsync(10, 200);
        // A writer that is never completed, as when its process is killed.
        var writer = await RunWriter.CreateAsync(rig.Volume, rig.Unit, rig.Domain, rig.NewId(), default);
        foreach (var entry in rig.Packs.Values.First().Entries) writer.Append(new RunEntry(RunKey.Of(entry.Id), 0, entry.Offset, entry.StoredLength));
        await writer.DrainAsync(default);
        Assert.Empty(await rig.RunsAsync());
        using var index = rig.NewIndex();
        await index.RefreshAsync(rig.Volume, rig.Unit, default);
        await rig.CheckAsync(index);
        await writer.DisposeAsync();
    }
}
