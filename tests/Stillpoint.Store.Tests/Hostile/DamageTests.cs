using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Damage of every kind to every file of a unit: found by verify, and no wrong byte is ever restored.</summary>
public sealed class DamageTests
{
    [Fact]
    public async Task Bit_flips_are_found_and_never_restored()
    {
        await using var unit = await TwoImagesAsync();
        var random = new Random(11);
        foreach (var file in Directory.EnumerateFiles(unit.Value.Directory, "*", SearchOption.AllDirectories).Order().ToList())
        {
            // Sessions and leases are read by collectors only; unit.json, which has its own test, may change in its white space only; the reserve holds nothing.
            if (file.Contains("/sessions/", StringComparison.Ordinal) || file.Contains("/leases/", StringComparison.Ordinal)
                || file.EndsWith("unit.json", StringComparison.Ordinal) || file.EndsWith("/reserve", StringComparison.Ordinal)) continue;
            var bytes = await File.ReadAllBytesAsync(file);
            // The reserve for a full disk takes up space and holds no bytes.
            if (bytes.Length == 0) continue;
            foreach (var at in Spots(bytes.Length, random))
            {
                var flipped = (byte[])bytes.Clone();
                flipped[at] ^= (byte)(1 << random.Next(8));
                await File.WriteAllBytesAsync(file, flipped);
                await unit.ExpectDamageAsync($"{file} bit at {at} of {bytes.Length}");
                unit.Forget();
            }
            await File.WriteAllBytesAsync(file, bytes);
        }
        await unit.ExpectSoundAsync();
    }

    [Fact]
    public async Task Truncated_swapped_and_missing_files_are_found_and_never_restored()
    {
        await using var unit = await TwoImagesAsync();
        foreach (var folder in new[] { "packs", "ends", "images", "notes" })
        {
            var files = Directory.EnumerateFiles(Path.Combine(unit.Value.Directory, folder), "*", SearchOption.AllDirectories).Order().ToList();
            foreach (var file in files)
            {
                var bytes = await File.ReadAllBytesAsync(file);
                foreach (var length in new[] { 0, 1, 9, bytes.Length / 2, bytes.Length - 1 })
                {
                    await File.WriteAllBytesAsync(file, bytes[..length]);
                    await unit.ExpectDamageAsync($"{file} cut to {length}");
                    unit.Forget();
                }
                await File.WriteAllBytesAsync(file, [.. bytes, 0]);
                await unit.ExpectDamageAsync($"{file} one byte longer");
                foreach (var other in files.Where(f => f != file))
                {
                    await File.WriteAllBytesAsync(file, await File.ReadAllBytesAsync(other));
                    await unit.ExpectDamageAsync($"{file} replaced by {other}");
                    unit.Forget();
                }
                await File.WriteAllBytesAsync(file, bytes);
                if (folder is not ("packs" or "images")) continue;
                File.Delete(file);
                await unit.ExpectDamageAsync($"{file} deleted");
                await File.WriteAllBytesAsync(file, bytes);
            }
        }
        await unit.ExpectSoundAsync();
    }

    [Fact(Explicit = true)]
    [Trait("Kind", "Slow")]
    public async Task Ten_thousand_bit_flips_are_found_and_never_restored()
    {
        await using var unit = await TwoImagesAsync();
        var random = new Random(12);
        var files = Damageable(unit);
        for (var i = 0; i < 10_000; i++)
        {
            var file = files[random.Next(files.Count)];
            var bytes = await File.ReadAllBytesAsync(file);
            var flipped = (byte[])bytes.Clone();
            var at = random.Next(bytes.Length);
            flipped[at] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(file, flipped);
            await unit.ExpectDamageAsync($"{file} bit at {at} of {bytes.Length}");
            unit.Forget();
            await File.WriteAllBytesAsync(file, bytes);
        }
        await unit.ExpectSoundAsync();
        Tell("bit flips: 10,000 in packs, ends, images and notes, seed 12, all found, 0 wrong bytes restored");
    }

    [Fact(Explicit = true)]
    [Trait("Kind", "Slow")]
    public async Task A_thousand_swapped_truncated_or_replaced_files_are_found_and_never_restored()
    {
        await using var unit = await TwoImagesAsync();
        var random = new Random(13);
        var files = Damageable(unit);
        for (var i = 0; i < 1000; i++)
        {
            var (file, other) = (files[random.Next(files.Count)], files[random.Next(files.Count)]);
            var (bytes, others) = (await File.ReadAllBytesAsync(file), await File.ReadAllBytesAsync(other));
            var junk = new byte[bytes.Length];
            random.NextBytes(junk);
            var swap = i % 3 == 0 && file != other;
            await File.WriteAllBytesAsync(file, swap ? others : i % 3 == 1 ? bytes[..random.Next(bytes.Length)] : junk);
            if (swap) await File.WriteAllBytesAsync(other, bytes);
            await unit.ExpectDamageAsync($"{i}: {file} with {other}");
            unit.Forget();
            await File.WriteAllBytesAsync(file, bytes);
            await File.WriteAllBytesAsync(other, others);
        }
        await unit.ExpectSoundAsync();
        Tell("files: 1,000 swapped, truncated or replaced, seed 13, all found, 0 wrong bytes restored");
    }

    private static void Tell(string figures) => TestContext.Current.TestOutputHelper?.WriteLine(figures);

    [Fact]
    public async Task A_pack_without_its_trailer_is_read_by_scan()
    {
        await using var unit = await TwoImagesAsync();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(unit.Value.Directory, "packs"), "*", SearchOption.AllDirectories).ToList())
        {
            var bytes = await File.ReadAllBytesAsync(file);
            await File.WriteAllBytesAsync(file, bytes[..^PackFormat.FooterSize]);
        }
        await unit.Value.ReopenAsync();
        foreach (var (disk, image) in unit.Images) Assert.Equal(disk, await unit.Value.RestoreAsync(image));
        var report = await UnitVerify.RunAsync(unit.Value.Unit, unit.Value.Keys, null, default);
        Assert.Equal(2, report.Images.Count(i => i.Sound));
        Assert.NotEmpty(report.Damage);
    }

    [Fact]
    public async Task A_scan_finds_the_records_behind_a_broken_one()
    {
        await using var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(20 << 20, seed: 5, share: 1);
        await unit.BackupAsync(disk);
        var file = Directory.EnumerateFiles(unit.Directory, "*.data", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[PackFormat.HeaderSize + 13] ^= 0xff; // the first record's length
        bytes[bytes.Length / 2] ^= 1;
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        await unit.ReopenAsync();
        var index = await unit.Unit.FreshIndexAsync(unit.Keys.Domain, default);
        Assert.Equal(320 - 2, index.Count.Chunks);
    }

    [Fact]
    public async Task A_chunk_whose_content_is_not_its_ids_is_found_by_verify()
    {
        await using var unit = await TestUnit.MakeAsync();
        var victim = Disks.Make(Disks.Chunk, seed: 1, share: 1);
        var id = unit.Keys.IdOf(victim);
        await using (var writer = await unit.Unit.OpenWriterAsync(new WriterScope(unit.Keys.Domain), default))
        {
            using var sealer = new PackSealer(unit.Keys, unit.Random, 1);
            await writer.PutRecordAsync(sealer.Seal(id, new byte[Disks.Chunk]), default);
            await writer.FlushAsync(default);
        }
        var image = await unit.BackupAsync(victim);
        var report = await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default);
        Assert.False(Assert.Single(report.Images).Sound);
        Assert.Contains(report.Damage, d => d.Contains("does not match its id", StringComparison.Ordinal));
        Assert.Empty((await UnitVerify.RunAsync(unit.Unit, null, null, default)).Damage);
        Assert.Equal(image.Header.Id, report.Images[0].Id);
    }

    [Theory]
    [InlineData("*.data")]
    [InlineData("*.nodes")]
    public async Task What_a_verify_found_damaged_is_sent_again_and_heals_every_image(string files)
    {
        await using var unit = await TwoImagesAsync();
        var file = Directory.EnumerateFiles(unit.Value.Directory, files, SearchOption.AllDirectories).MaxBy(f => new FileInfo(f).Length)!;
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[PackFormat.HeaderSize + 100] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        await unit.ExpectDamageAsync(file);
        foreach (var (disk, _) in unit.Images) Assert.Equal(disk, await unit.Value.RestoreAsync(await unit.Value.BackupAsync(disk)));
        foreach (var (disk, image) in unit.Images) Assert.Equal(disk, await unit.Value.RestoreAsync(image));
        var report = await UnitVerify.RunAsync(unit.Value.Unit, unit.Value.Keys, null, default);
        Assert.Equal(4, report.Images.Count(i => i.Sound));
        Assert.Empty(report.Damage);
    }

    [Fact]
    public async Task A_flipped_bit_of_the_configuration_changes_nothing_or_is_refused()
    {
        await using var unit = await TestUnit.MakeAsync();
        var parameters = unit.Unit.Parameters;
        var file = Path.Combine(unit.Directory, "unit.json");
        var bytes = await File.ReadAllBytesAsync(file);
        var refused = 0;
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var flipped = (byte[])bytes.Clone();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            await File.WriteAllBytesAsync(file, flipped);
            try
            {
                await unit.ReopenAsync();
                Assert.Equal(parameters, unit.Unit.Parameters);
            }
            catch (TroubleException)
            {
                refused++;
            }
        }
        Assert.True(refused > bytes.Length * 5, $"{refused} of {bytes.Length * 8} refused");
    }

    [Fact]
    public async Task Another_version_is_refused_in_a_clear_sentence()
    {
        await using var unit = await TestUnit.MakeAsync();
        var file = Path.Combine(unit.Directory, "unit.json");
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace("\"format\": 1", "\"format\": 2", StringComparison.Ordinal));
        var trouble = await Assert.ThrowsAsync<TroubleException>(() => StorageUnit.OpenInAsync(unit.Directory, unit.Environment, default));
        Assert.Contains("format version 2; this program reads and writes version 1", trouble.Message, StringComparison.Ordinal);
        foreach (var damage in new[] { "", "{", "[]", "{}", "null", new string('x', 5000) })
        {
            await File.WriteAllTextAsync(file, damage);
            await Assert.ThrowsAsync<TroubleException>(() => StorageUnit.OpenInAsync(unit.Directory, unit.Environment, default));
        }
        File.Delete(file);
        await Assert.ThrowsAsync<TroubleException>(() => StorageUnit.OpenInAsync(unit.Directory, unit.Environment, default));
    }

    private static List<string> Damageable(Damaged unit) =>
    [
        .. Directory.EnumerateFiles(unit.Value.Directory, "*", SearchOption.AllDirectories).Order()
            .Where(f => new[] { "/packs/", "/ends/", "/images/", "/notes/" }.Any(folder => f.Contains(folder, StringComparison.Ordinal))),
    ];

    private static IEnumerable<int> Spots(int length, Random random) =>
        Enumerable.Range(0, Math.Min(length, 12)).Concat(Enumerable.Range(0, 10).Select(_ => random.Next(length))).Append(length - 1).Distinct();

    private static async Task<Damaged> TwoImagesAsync()
    {
        var unit = await TestUnit.MakeAsync();
        var disk = Disks.Make(1 << 20, seed: 6, share: 0.6);
        var first = await unit.BackupAsync(disk);
        var changed = (byte[])disk.Clone();
        Disks.Fill(changed.AsSpan(200_000, 100_000), new Random(1));
        var second = await unit.BackupAsync(new MemorySource(changed), first, ExtentSet.Of(new Extent(200_000, 100_000)));
        await unit.Unit.AnnotateAsync(first.Header.Id, NoteKind.Suspect, NoteCodec.SealText(unit.Keys, first.Header.Id, NoteKind.Suspect, "why", unit.Random), default);
        return new Damaged(unit, [(disk, first), (changed, second)]);
    }

    private sealed record Damaged(TestUnit Value, IReadOnlyList<(byte[] Disk, StoredImage Image)> Images) : IAsyncDisposable
    {
        /// <summary>Takes away what verifies wrote down, for a damage that the test takes back.</summary>
        public void Forget()
        {
            var bad = Path.Combine(Value.Directory, "bad");
            if (Directory.Exists(bad)) Directory.Delete(bad, recursive: true);
        }

        public async Task ExpectSoundAsync()
        {
            Forget();
            await Value.ReopenAsync();
            Assert.Empty((await UnitVerify.RunAsync(Value.Unit, Value.Keys, null, default)).Damage);
            Assert.Empty((await UnitVerify.RunAsync(Value.Unit, null, null, default)).Damage);
            foreach (var (disk, image) in Images) Assert.Equal(disk, await Value.RestoreAsync(image));
        }

        /// <summary>The unit says that it is damaged, when it is opened or by a verify without and with a key; and what it still restores is right.</summary>
        public async Task ExpectDamageAsync(string what)
        {
            try
            {
                await Value.ReopenAsync();
            }
            catch (TroubleException)
            {
                return;
            }
            Assert.True((await UnitVerify.RunAsync(Value.Unit, Value.Keys, null, default)).Damage.Count > 0, $"full verify: {what}");
            Assert.True((await UnitVerify.RunAsync(Value.Unit, null, null, default)).Damage.Count > 0, $"stored verify: {what}");
            foreach (var (disk, image) in Images)
            {
                try
                {
                    var restored = await Value.RestoreAsync(image);
                    Assert.True(disk.AsSpan().SequenceEqual(restored), $"wrong bytes: {what}");
                }
                catch (TroubleException)
                {
                    // Refused: right.
                }
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var (_, image) in Images) Assert.NotEqual(Guid.Empty, image.Header.Id);
            await Value.DisposeAsync();
        }
    }
}
