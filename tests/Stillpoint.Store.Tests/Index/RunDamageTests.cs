using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A run of the index that is damaged is never believed: its packs are read instead, and it goes.</summary>
public sealed class RunDamageTests
{
    /// <summary>What is promised: no bit of a run can be flipped so that the index says that something is there which is not, or, once asked in
    /// earnest, that something is missing which is there.</summary>
    [Fact]
    public async Task No_flipped_bit_is_believed()
    {
        await using var rig = RunRig.InMemory(3);
        await rig.AddPacksAsync(12, 20);
        await rig.UpkeepAsync(UpkeepDepth.Full);
        var name = Assert.Single(await rig.RunsAsync());
        var sound = await rig.BytesAsync(name);
        var random = new Random(5);
        // More of the tables, where bytes differ in meaning, than of the pages, where they are alike.
        for (var at = 0; at < sound.Length; at += at < 3 * RunFormat.PageSize ? 127 : 13)
        {
            var bytes = sound.ToArray();
            bytes[at] ^= (byte)(1 << random.Next(8));
            await rig.OverwriteAsync(name, bytes);
            using var index = rig.NewIndex();
            Assert.True(await index.RefreshAsync(rig.Volume, rig.Unit, default));
            await AskAsync(rig, index);
            Assert.NotEmpty(index.TakeRunDamage());
            await index.RefreshAsync(rig.Volume, rig.Unit, default);
            Assert.Equal(12, index.Packs.Count);
            Assert.False(index.Incomplete);
            if ((await rig.RunsAsync()).Count > 0) Assert.Equal(12, (await rig.UpkeepAsync(UpkeepDepth.Rebuild)).Packs);
            foreach (var left in await rig.RunsAsync()) await rig.Volume.DeleteAsync(left, default);
        }
    }

    [Fact]
    public async Task No_cut_or_swapped_run_is_believed()
    {
        await using var rig = RunRig.InMemory(4);
        await rig.AddPacksAsync(12, 40);
        await rig.UpkeepAsync(UpkeepDepth.Full);
        var name = Assert.Single(await rig.RunsAsync());
        var sound = await rig.BytesAsync(name);
        var swapped = sound.ToArray();
        sound.AsSpan(RunFormat.PageSize, RunFormat.PageSize).CopyTo(swapped.AsSpan(2 * RunFormat.PageSize));
        foreach (var bytes in new[] { [], sound[..100], sound[..5000], sound[..^1], [.. sound, 0], sound[RunFormat.PageSize..], swapped })
        {
            await rig.OverwriteAsync(name, bytes);
            using var index = rig.NewIndex();
            Assert.True(await index.RefreshAsync(rig.Volume, rig.Unit, default));
            await AskAsync(rig, index);
            Assert.NotEmpty(index.TakeRunDamage());
        }
        // A run under another's name.
        var other = UnitNames.Run(rig.Domain, rig.NewId());
        await rig.Volume.DeleteAsync(name, default);
        await rig.Volume.PutIfAbsentAsync(other, sound, default);
        using var last = rig.NewIndex();
        await last.RefreshAsync(rig.Volume, rig.Unit, default);
        Assert.Equal(12, last.Loose);
        Assert.Empty(await rig.RunsAsync());
    }

    /// <summary>A run whose checksums hold but that does not say what its packs say, as only a fault of a program makes: a verify finds it.</summary>
    [Fact]
    public async Task A_run_that_lies_is_found_by_verify()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(4 << 20, seed: 9);
        var image = await unit.BackupAsync(disk);
        for (var i = 0; i < 5; i++) await unit.BackupAsync(Disks.Make(1 << 20, seed: 20 + i));
        // One entry points to its neighbour's place.
        await LieAsync(unit, (_, entries) => entries[1] = entries[1] with { Offset = entries[0].Offset, StoredLength = entries[0].StoredLength });
        await unit.ReopenAsync();
        Assert.Single(await unit.Unit.Volume.ListAsync(UnitNames.Runs(unit.Keys.Domain), default));
        var report = await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default);
        Assert.Contains("index run", Assert.Single(report.Damage), StringComparison.Ordinal);
        Assert.All(report.Images, verified => Assert.True(verified.Sound));
        Assert.Equal(disk, await unit.RestoreAsync(image));
        await unit.ReopenAsync();
        Assert.Empty((await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default)).Damage);
    }

    /// <summary>A collect deletes no pack on a run's word: neither when it says that the pack's chunks lie elsewhere, nor when it does not know them.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_run_that_lies_loses_no_pack_to_a_collect(bool elsewhere)
    {
        await using var unit = await TestUnit.MakeAsync();
        for (var i = 0; i < 5; i++) await unit.BackupAsync(Disks.Make(1 << 20, seed: 20 + i));
        var disk = Disks.Make(2 << 20, seed: 9);
        var image = await unit.BackupAsync(disk);
        var packs = (await unit.Unit.FreshIndexAsync(unit.Keys.Domain, default)).Packs.Where(pack => pack.Header.Kind == PackKind.Data).ToList();
        var victim = packs.MaxBy(pack => pack.Length)!.Name;
        await LieAsync(unit, (table, entries) =>
        {
            var row = table.FindIndex(pack => pack.File.Name == victim);
            var other = entries.First(entry => entry.Pack != row && table[entry.Pack].File.Header.Kind == PackKind.Data);
            if (elsewhere)
            {
                for (var i = 0; i < entries.Count; i++)
                    if (entries[i].Pack == row) entries[i] = other with { Key = entries[i].Key };
            }
            else
            {
                entries.RemoveAll(entry => entry.Pack == row);
                table[row] = table[row] with { Records = 0 };
            }
        });
        await unit.ReopenAsync();
        for (var round = 0; round < 2; round++)
        {
            await CollectTests.CollectAsync(unit);
            Assert.Contains(await unit.Unit.Volume.ListAsync(UnitNames.Packs(unit.Keys.Domain), default), entry => entry.Name == victim);
        }
        await unit.Unit.IndexAsync(rebuild: true, null, default);
        await unit.ReopenAsync();
        Assert.Equal(disk, await unit.RestoreAsync(image));
    }

    /// <summary>A page turns bad under a session that has the unit open: its backup commits all the same, and the next one heals the index.</summary>
    [Fact]
    public async Task A_page_that_turns_bad_fails_no_backup()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(8 << 20, seed: 9);
        for (var i = 0; i < 5; i++)
        {
            Disks.Fill(disk.AsSpan(i * Disks.Chunk, Disks.Chunk), new Random(i));
            await unit.BackupAsync(disk);
        }
        await unit.Unit.IndexAsync(rebuild: false, null, default);
        await unit.ReopenAsync();
        var before = await unit.Unit.StatsAsync(default);
        var run = Assert.Single(await unit.Unit.Volume.ListAsync(UnitNames.Runs(unit.Keys.Domain), default));
        using (var file = File.Open(((LocalVolume)unit.Unit.Volume).PathOf(run.Name), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.Position = RunFormat.PageSize + 100;
            file.WriteByte(0x55);
            file.WriteByte(0xaa);
        }
        var image = await unit.BackupAsync(disk);
        Assert.Equal(before.DataBytes, (await unit.Unit.StatsAsync(default)).DataBytes);
        Assert.Equal(disk, await unit.RestoreAsync(image));
        await unit.ReopenAsync();
        Assert.Empty((await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default)).Damage);
    }

    /// <summary>A run is dropped while a collect has taken one of its packs away: the index is complete again without that pack.</summary>
    [Fact]
    public async Task A_dropped_run_does_not_wait_for_packs_that_are_gone()
    {
        await using var rig = RunRig.InMemory(6);
        await rig.AddPacksAsync(12, 5);
        await rig.UpkeepAsync(UpkeepDepth.Full);
        var gone = rig.Packs.Keys.Min(StringComparer.Ordinal)!;
        using var index = rig.NewIndex(condemned: new HashSet<Guid> { Guid.ParseExact(gone.Split('/')[2].Split('.')[0], "N") });
        await index.RefreshAsync(rig.Volume, rig.Unit, default);
        await rig.DeletePackAsync(gone);
        index.Prove(index.Packs.First(pack => pack.Name != gone), []);
        Assert.True(index.Incomplete);
        var found = new bool[1];
        await index.FindAsync(rig.Volume, rig.Unit, [rig.NewChunk()], found, default);
        Assert.Equal((false, false), (found[0], index.Incomplete));
        await rig.CheckAsync(index);
    }

    /// <summary>Writes a run with sound checksums over all packs of a unit, after <paramref name="lie"/> changed what it says.</summary>
    private static async Task LieAsync(TestUnit unit, Action<List<RunPack>, List<RunEntry>> lie)
    {
        var table = new List<RunPack>();
        var entries = new List<RunEntry>();
        foreach (var entry in await unit.Unit.Volume.ListAsync(UnitNames.Packs(unit.Keys.Domain), default))
        {
            var (pack, records, _) = await PackFile.LoadAsync(unit.Unit.Volume, entry, unit.Unit.Parameters.UnitId, default);
            entries.AddRange(records.Select(record => new RunEntry(RunKey.Of(record.Id), table.Count, record.Offset, record.StoredLength)));
            table.Add(new RunPack(pack, records.Length));
        }
        lie(table, entries);
        entries.Sort();
        await using var writer = await RunWriter.CreateAsync(unit.Unit.Volume, unit.Unit.Parameters.UnitId, unit.Keys.Domain, unit.NewId(), default);
        foreach (var entry in entries) writer.Append(entry);
        await writer.CompleteAsync(table, default);
    }

    private static async Task AskAsync(RunRig rig, DomainIndex index)
    {
        // As a restore does: a miss is taken for true only after a refresh.
        foreach (var (name, pack) in rig.Packs)
        {
            foreach (var entry in pack.Entries)
            {
                if (!index.TryFind(entry.Id, out var found, out var location))
                {
                    Assert.True(index.Incomplete);
                    Assert.True(await index.RefreshAsync(rig.Volume, rig.Unit, default));
                    Assert.True(index.TryFind(entry.Id, out found, out location));
                }
                Assert.Equal((name, entry.Offset, entry.StoredLength), (found.Name, location.Offset, location.StoredLength));
            }
        }
        await rig.CheckAsync(index);
    }
}
