using System.IO.Compression;
using System.Runtime.CompilerServices;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>
/// A unit of format version 1 that is kept in the repository reads forever. Regenerate, after a change of the format that is meant, with
/// the environment variable STILLPOINT_GOLDEN=write.
/// </summary>
public sealed class GoldenUnitTests
{
    private static readonly byte[] s_disk = MakeDisk();

    [Fact]
    public async Task Version_1_reads()
    {
        if (Environment.GetEnvironmentVariable("STILLPOINT_GOLDEN") == "write") await WriteAsync();
        var directory = Directory.CreateTempSubdirectory("stillpoint-golden-").FullName;
        try
        {
            await ZipFile.ExtractToDirectoryAsync(FilePath(), directory);
            var master = new byte[32];
            new Random(42).NextBytes(master);
            using var keys = new DomainKeys(master);
            var environment = new UnitEnvironment(TimeProvider.System, () => throw new InvalidOperationException("reading makes no ids"));
            await using var unit = await StorageUnit.OpenInAsync(directory, environment, default);
            Assert.Empty((await UnitVerify.RunAsync(unit, keys, null, default)).Damage);
            var images = (await unit.ListImagesAsync(default)).Images;
            Assert.Equal(2, images.Count);
            Assert.Equal("held", NoteCodec.OpenText(keys, images[1].Header.Id, images[1].Notes.Single()));
            await using var reader = await unit.OpenReaderAsync(new ReaderScope(keys.Domain), default);
            using var opener = new RecordOpener(keys);
            foreach (var (image, expected) in images.Zip([Second(), s_disk]))
            {
                Assert.Equal("web", ImageDetailsCodec.Open(keys, image).VmName);
                var target = new MemoryTarget(expected.Length);
                await DiskDownload.RunAsync(reader, opener, image.Header.Streams[0], target, null, default);
                Assert.Equal(expected, target.Bytes);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task WriteAsync()
    {
        await using var unit = await TestUnit.MakeAsync(seed: 42);
        var first = await unit.BackupAsync(s_disk);
        await unit.BackupAsync(new MemorySource(Second()), first, Stillpoint.Extents.ExtentSet.Of(new Stillpoint.Extents.Extent(100_000, 1000)));
        await unit.Unit.AnnotateAsync(first.Header.Id, NoteKind.Suspect, NoteCodec.SealText(unit.Keys, first.Header.Id, NoteKind.Suspect, "held", unit.Random), default);
        File.Delete(Path.Combine(unit.Directory, "reserve"));
        File.Delete(FilePath());
        await ZipFile.CreateFromDirectoryAsync(unit.Directory, FilePath());
    }

    /// <summary>Small and the same on every machine: a line of text in one chunk, a byte at the end, holes between.</summary>
    private static byte[] MakeDisk()
    {
        var disk = new byte[(9 << 20) + 512];
        for (var i = 0; i < 100_000; i++) disk[i] = (byte)("stillpoint "[i % 11]);
        for (var i = 0; i < 3000; i++) disk[i * 7] = (byte)(i * i % 251);
        disk[^1] = 0x55;
        return disk;
    }

    private static byte[] Second()
    {
        var disk = (byte[])s_disk.Clone();
        disk.AsSpan(100_000, 1000).Fill(9);
        return disk;
    }

    private static string FilePath([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "unit-1.zip");

    [Fact]
    public async Task Version_0_is_refused_in_a_clear_sentence()
    {
        var directory = Directory.CreateTempSubdirectory("stillpoint-golden-").FullName;
        try
        {
            await ZipFile.ExtractToDirectoryAsync(FilePath().Replace("unit-1", "unit-0", StringComparison.Ordinal), directory);
            var environment = new UnitEnvironment(TimeProvider.System, () => throw new InvalidOperationException("reading makes no ids"));
            var trouble = await Assert.ThrowsAsync<TroubleException>(() => StorageUnit.OpenInAsync(directory, environment, default));
            Assert.Contains("format version 0; this program reads and writes version 1", trouble.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
