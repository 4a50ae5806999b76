using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A collect with the key that meets damage, or is given the key of others: it says so and leaves nothing behind.</summary>
public sealed class ResealDamageTests
{
    [Fact]
    public async Task A_damaged_pack_is_named_and_what_lies_before_the_damage_is_written_at_no_run()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disks = Enumerable.Range(1, 3).Select(seed => Disks.Make(1 << 20, seed, share: 1)).ToList();
        var images = new List<StoredImage>();
        foreach (var disk in disks) images.Add(await unit.BackupAsync(disk));
        var damaged = Directory.EnumerateFiles(unit.Directory, "*.data", SearchOption.AllDirectories).Order().ElementAt(1);
        var bytes = await File.ReadAllBytesAsync(damaged);
        // Well behind the first records.
        bytes[bytes.Length * 3 / 4] ^= 1;
        await File.WriteAllBytesAsync(damaged, bytes);
        var whole = Directory.EnumerateFiles(unit.Directory, "*.data", SearchOption.AllDirectories).Where(p => p != damaged).Sum(p => new FileInfo(p).Length);
        var name = Path.GetRelativePath(unit.Directory, damaged).Replace('\\', '/');
        var master = new byte[DomainKeys.MasterSize];
        new Random(1).NextBytes(master);
        using var next = new DomainKeys(master, epoch: 1);

        var first = await CollectAsync(unit, next);
        Assert.Equal([name], first.Unreadable!);
        Assert.Equal((true, 2), (first.Finished, first.PacksResealed));
        // The two that are whole, and nothing of the third.
        Assert.InRange(first.BytesWritten, 1, whole + 4096);
        var after = Files(unit);
        for (var run = 0; run < 2; run++)
        {
            await unit.ReopenAsync();
            var again = await CollectAsync(unit, next);
            Assert.Equal([name], again.Unreadable!);
            Assert.Equal((0, 0L), (again.PacksResealed, again.BytesWritten));
            Assert.Equal(after, Files(unit));
        }
        Assert.Equal([(0, 1), (1, 1)], (await unit.Unit.EpochsAsync(next.Domain, default)).Select(use => (use.Epoch, use.Packs)));
        var sound = 0;
        for (var i = 0; i < 3; i++) sound += await RestoresAsync(unit, images[i], disks[i]) ? 1 : 0;
        Assert.Equal(2, sound);
    }

    [Fact]
    public async Task A_key_of_a_domain_without_packs_is_refused_before_anything_is_done()
    {
        await using var unit = await TestUnit.MakeAsync();
        await unit.BackupAsync(Disks.Make(1 << 20, seed: 1));
        var gone = await unit.BackupAsync(Disks.Make(1 << 20, seed: 2));
        await Keeper.ExpireAsync(unit.Unit, gone.Header.Id, null, default);
        var before = Files(unit);
        using var others = new DomainKeys(RandomNumberGenerator.GetBytes(DomainKeys.MasterSize));
        var trouble = await Assert.ThrowsAsync<TroubleException>(() => CollectAsync(unit, others));
        Assert.Contains($"no pack of the key domain {others.Domain:D}", trouble.Message, StringComparison.Ordinal);
        Assert.Equal(before, Files(unit));
        Assert.True((await CollectAsync(unit, unit.Keys)).PacksDeleted > 0);
    }

    private static async Task<bool> RestoresAsync(TestUnit unit, StoredImage image, byte[] disk)
    {
        try
        {
            var restored = await unit.RestoreAsync(image);
            return restored.AsSpan().SequenceEqual(disk);
        }
        catch (TroubleException)
        {
            return false;
        }
    }

    private static async Task<CollectReport> CollectAsync(TestUnit unit, DomainKeys keys)
    {
        using var random = RandomNumberGenerator.Create();
        return await Collector.RunAsync(unit.Unit, new CollectOptions(Keys: new CollectKeys(keys, random)), null, default);
    }

    private static List<(string Path, long Length)> Files(TestUnit unit) =>
        [.. new DirectoryInfo(unit.Directory).EnumerateFiles("*", SearchOption.AllDirectories).Select(f => (f.FullName, f.Length)).Order()];
}
