using CsCheck;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Runs of the dedup index answer as the packs would.</summary>
public sealed class RunTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_run_answers_for_all_packs_and_none_is_read(bool onDisk)
    {
        await using var rig = onDisk ? RunRig.OnDisk() : RunRig.InMemory();
        await rig.AddPacksAsync(20, 60);
        await rig.AddPacksAsync(3, 40, PackKind.Nodes);
        var report = await rig.UpkeepAsync(UpkeepDepth.Full);
        Assert.Equal((1, 1, 0, 23L, 1320L, 0), (report.Runs, report.Made, report.Removed, report.Packs, report.Entries, report.Loose));
        using var index = rig.NewIndex();
        Assert.True(await index.RefreshAsync(rig.Volume, rig.Unit, default));
        Assert.Equal(0, index.Loose);
        Assert.Equal((1200L, 120L), index.Count);
        Assert.Equal(23, index.Packs.Count);
        await rig.CheckAsync(index);
    }

    /// <summary>Keys that share their first 8 bytes, and one chunk in many packs, over the borders of pages.</summary>
    [Fact]
    public void A_run_equals_a_dictionary() => Gen.Select(Gen.Int[1, 900], Gen.Int[1, 12], Gen.Int[1, 400], Gen.Int[0, int.MaxValue]).Sample(
        (count, packs, heads, seed) =>
        {
            RunAsync(count, packs, heads, seed).GetAwaiter().GetResult();
        },
        seed: "0001HpS3kZL2", iter: 40, threads: 1);

    private static async Task RunAsync(int count, int packs, int heads, int seed)
    {
        await using var rig = RunRig.InMemory(seed);
        var random = new Random(seed);
        // Few heads make long stretches of equal ones; some ids come again in other packs.
        var ids = Enumerable.Range(0, count)
            .Select(i => new ChunkId((ulong)random.Next(heads) << random.Next(56), (ulong)random.Next(2) << 16, 0, (ulong)i)).ToList();
        for (var i = 0; i < packs; i++)
        {
            var kind = random.Next(4) == 0 ? PackKind.Nodes : PackKind.Data;
            await rig.AddPackAsync(kind, [.. ids.Where(_ => random.Next(packs) <= 1).DistinctBy(id => RunKey.Of(id))]);
        }
        await rig.UpkeepAsync(UpkeepDepth.Full);
        // Whoever asks for an id gets one with the same 14 bytes; here only ids that differ in them are told apart.
        using var index = rig.NewIndex();
        Assert.True(await index.RefreshAsync(rig.Volume, rig.Unit, default));
        var wanted = ids.DistinctBy(id => RunKey.Of(id)).ToList();
        var found = new bool[wanted.Count];
        await index.FindAsync(rig.Volume, rig.Unit, wanted, found, default);
        var held = rig.Packs.Values.Where(pack => pack.Kind == PackKind.Data)
            .SelectMany(pack => pack.Entries).Select(entry => RunKey.Of(entry.Id)).ToHashSet();
        for (var i = 0; i < wanted.Count; i++)
        {
            Assert.Equal(held.Contains(RunKey.Of(wanted[i])), found[i]);
            Assert.Equal(found[i], index.TryFind(wanted[i], out var pack, out var location));
            if (!found[i]) continue;
            Assert.Contains(rig.Packs[pack.Name].Entries, entry =>
                RunKey.Of(entry.Id) == RunKey.Of(wanted[i]) && entry.Offset == location.Offset && entry.StoredLength == location.StoredLength);
        }
    }

    [Fact]
    public async Task Entries_survive_their_bytes()
    {
        var random = new Random(7);
        var bytes = new byte[RunEntry.Size];
        for (var i = 0; i < 1000; i++)
        {
            var id = new ChunkId((ulong)random.NextInt64() << 1, (ulong)random.NextInt64() << 1, 0, 0);
            var entry = new RunEntry(RunKey.Of(id), random.Next(RunFormat.MaxPacks), (uint)random.NextInt64(1L << 32), random.Next(1, 1 << 24));
            entry.Write(bytes);
            Assert.Equal(entry, RunEntry.Read(bytes));
            Assert.Equal(entry.Key, RunEntry.ReadKey(bytes));
        }
        await Task.CompletedTask;
    }

    /// <summary>Runs are merged as they grow, so that few are there; and all that was stored is found at each step.</summary>
    [Fact]
    public async Task The_number_of_runs_stays_small()
    {
        await using var rig = RunRig.InMemory();
        var most = 0;
        for (var step = 0; step < 12; step++)
        {
            await rig.AddPacksAsync(IndexUpkeep.MostLoose, 3);
            await rig.UpkeepAsync(UpkeepDepth.WhenDue);
            most = Math.Max(most, (await rig.RunsAsync()).Count);
        }
        Assert.InRange(most, 1, 4);
        using var index = rig.NewIndex();
        await index.RefreshAsync(rig.Volume, rig.Unit, default);
        Assert.Equal(0, index.Loose);
        await rig.CheckAsync(index);
    }

    [Fact]
    public async Task Few_loose_packs_are_left_alone_until_somebody_asks()
    {
        await using var rig = RunRig.InMemory();
        await rig.AddPacksAsync(IndexUpkeep.MostLoose - 1, 2);
        Assert.Equal(0, (await rig.UpkeepAsync(UpkeepDepth.WhenDue)).Runs);
        Assert.Equal(1, (await rig.UpkeepAsync(UpkeepDepth.Full)).Runs);
    }

    /// <summary>A unit that has many packs and no run makes one when it is opened: memory stays bounded.</summary>
    [Fact]
    public async Task Opening_a_unit_without_runs_makes_them()
    {
        await using var rig = RunRig.InMemory();
        await rig.AddPacksAsync(2 * IndexUpkeep.MostLoose + 1, 2);
        using var index = rig.NewIndex();
        await index.RefreshAsync(rig.Volume, rig.Unit, default);
        Assert.Equal(0, index.Loose);
        Assert.Single(await rig.RunsAsync());
        await rig.CheckAsync(index);
    }

    /// <summary>An index that is open and grows hands its packs over to a run.</summary>
    [Fact]
    public async Task A_growing_index_lets_go_of_what_a_run_covers()
    {
        await using var rig = RunRig.InMemory();
        using var index = rig.NewIndex();
        for (var i = 0; i < IndexUpkeep.MostLoose + 5; i++)
        {
            await rig.AddPacksAsync(1, 3);
            await index.RefreshAsync(rig.Volume, rig.Unit, default);
        }
        await rig.Keeper.DisposeAsync();
        Assert.Single(await rig.RunsAsync());
        Assert.InRange(index.Loose, 0, 5);
        await rig.CheckAsync(index);
    }

    [Fact]
    public async Task Packs_that_are_gone_are_misses()
    {
        await using var rig = RunRig.InMemory();
        await rig.AddPacksAsync(20, 30);
        var twice = rig.NewChunk();
        var first = await rig.AddPackAsync(PackKind.Data, [twice]);
        await rig.AddPackAsync(PackKind.Data, [twice]);
        await rig.UpkeepAsync(UpkeepDepth.Full);
        using var open = rig.NewIndex();
        await open.RefreshAsync(rig.Volume, rig.Unit, default);
        foreach (var name in rig.Packs.Keys.Where(name => name != first).Order(StringComparer.Ordinal).Take(10).Append(first).ToList())
            await rig.DeletePackAsync(name);
        Assert.False(await open.RefreshAsync(rig.Volume, rig.Unit, default));
        using var index = rig.NewIndex();
        Assert.True(await index.RefreshAsync(rig.Volume, rig.Unit, default));
        await rig.CheckAsync(index);
        // The run still says where the rest is; it is made anew when most of it is gone.
        Assert.Equal(0, index.Loose);
        var before = await rig.RunsAsync();
        Assert.Equal(0, (await rig.UpkeepAsync(UpkeepDepth.WhenDue)).Made);
        foreach (var name in rig.Packs.Keys.Order(StringComparer.Ordinal).Take(6).ToList()) await rig.DeletePackAsync(name);
        Assert.Equal((1, 1, 1), await rig.UpkeepAsync(UpkeepDepth.WhenDue) is var report ? (report.Runs, report.Made, report.Removed) : default);
        Assert.NotEqual(before, await rig.RunsAsync());
        foreach (var name in rig.Packs.Keys.ToList()) await rig.DeletePackAsync(name);
        await rig.UpkeepAsync(UpkeepDepth.WhenDue);
        Assert.Empty(await rig.RunsAsync());
    }

    /// <summary>A record that a verify found damaged is no hit, and its other copy is.</summary>
    [Fact]
    public async Task Damaged_records_answer_only_where_there_is_no_other_copy()
    {
        await using var rig = RunRig.InMemory();
        await rig.AddPacksAsync(10, 5);
        ChunkId once = rig.NewChunk(), twice = rig.NewChunk();
        var one = await rig.AddPackAsync(PackKind.Data, [once, twice]);
        var two = await rig.AddPackAsync(PackKind.Data, [twice]);
        await rig.UpkeepAsync(UpkeepDepth.Full);
        var pack = Guid.ParseExact(one.Split('/')[2].Split('.')[0], "N");
        using var index = rig.NewIndex(rig.Packs[one].Entries.Select(entry => new BadRecord(pack, entry.Offset)).ToHashSet());
        await index.RefreshAsync(rig.Volume, rig.Unit, default);
        Assert.Equal(0, index.Loose);
        var found = new bool[2];
        index.Find([once, twice], found);
        Assert.Equal([false, true], found);
        Assert.True(index.TryFind(once, out var damaged, out _));
        Assert.Equal(one, damaged.Name);
        Assert.True(index.TryFind(twice, out var sound, out _));
        Assert.Equal(two, sound.Name);
    }

    /// <summary>A pack that a collect wants to delete answers no question of a writer, but a reader still finds what is in it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Condemned_packs_are_read_but_not_built_on(bool indexed)
    {
        await using var rig = RunRig.InMemory();
        await rig.AddPacksAsync(10, 5);
        ChunkId once = rig.NewChunk(), twice = rig.NewChunk();
        var one = await rig.AddPackAsync(PackKind.Data, [once, twice]);
        var two = await rig.AddPackAsync(PackKind.Data, [twice]);
        if (indexed) await rig.UpkeepAsync(UpkeepDepth.Full);
        var pack = Guid.ParseExact(one.Split('/')[2].Split('.')[0], "N");
        using var index = rig.NewIndex(condemned: new HashSet<Guid> { pack });
        await index.RefreshAsync(rig.Volume, rig.Unit, default);
        Assert.Equal(indexed ? 0 : 12, index.Loose);
        var found = new bool[2];
        index.Find([once, twice], found);
        Assert.Equal([false, true], found);
        Assert.Equal(Standing.Condemned, index.Locate(PackKind.Data, once, out var leaving, out _));
        Assert.Equal(one, leaving.Name);
        Assert.Equal(Standing.Good, index.Locate(PackKind.Data, twice, out var staying, out _));
        Assert.Equal(two, staying.Name);
        await rig.DeletePackAsync(one);
        Assert.True(await index.RefreshAsync(rig.Volume, rig.Unit, default));
        await rig.DeletePackAsync(two);
        Assert.False(await index.RefreshAsync(rig.Volume, rig.Unit, default));
    }

    [Fact]
    public async Task A_unit_that_was_indexed_backs_up_restores_and_verifies()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(6 << 20, seed: 5);
        for (var i = 0; i < 6; i++)
        {
            Disks.Fill(disk.AsSpan(i * Disks.Chunk, Disks.Chunk), new Random(i));
            await unit.BackupAsync(disk);
        }
        var report = await unit.Unit.IndexAsync(rebuild: false, null, default);
        Assert.Equal((1, 0), (report.Runs, report.Loose));
        await unit.ReopenAsync();
        var before = await unit.Unit.StatsAsync(default);
        var image = await unit.BackupAsync(disk);
        Assert.Equal(before.DataBytes, (await unit.Unit.StatsAsync(default)).DataBytes);
        Assert.Equal(disk, await unit.RestoreAsync(image));
        var verified = await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default);
        Assert.Empty(verified.Damage);
        Assert.Equal(7, verified.Images.Count);
        Assert.Equal(1, (await unit.Unit.IndexAsync(rebuild: true, null, default)).Runs);
    }
}
