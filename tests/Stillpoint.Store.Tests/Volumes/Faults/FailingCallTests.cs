using System.Globalization;
using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>Each call to the file system fails in turn, as on a dying disk and on a full one: no success is reported that is none, what is
/// listed is whole, and the next run works.</summary>
public sealed class FailingCallTests(ITestOutputHelper output)
{
    private const int Io = 5, NoSpace = 28;

    [Theory]
    [InlineData(Io)]
    [InlineData(NoSpace)]
    public async Task Of_each_call_of_a_simulated_disk(int error)
    {
        var calls = await CountAsync();
        Assert.True(calls > 40, $"only {calls} calls");
        var refused = 0;
        for (var nth = 1; nth <= calls; nth++)
        {
            var disk = new SimulatedDisk(new Random(nth));
            var (unit, first, content) = await MakeAsync(disk);
            await using (unit)
            {
                var changed = Change(content);
                disk.FailAt = disk.Calls + nth;
                disk.Failure = () => new IOException("the call failed", error);
                Guid? committed = null;
                try
                {
                    committed = (await BackupAsync(unit, changed, first)).Header.Id;
                }
                catch (TroubleException e)
                {
                    refused++;
                    Assert.Contains(error == NoSpace ? "full" : "failed", e.Trouble.Message, StringComparison.Ordinal);
                }
                disk.FailAt = int.MaxValue;
                // What was reported as done has to survive a power cut right now.
                disk.Cut();
                var after = disk.AfterCut();
                await using var again = await StorageUnit.OpenAsync(new LocalVolume("/unit", unit.NewId, null, after), unit.Environment, default);
                var images = (await again.ListImagesAsync(default)).Images;
                if (committed is { } id) Assert.Contains(images, i => i.Header.Id == id);
                foreach (var image in images) Assert.Equal(image.Header.Id == first.Header.Id ? content : changed, await unit.RestoreAsync(image,
                    again));
                var next = await unit.BackupAsync(Source(changed), first, Changed(), by: again);
                Assert.Equal(changed, await unit.RestoreAsync(next, again));
            }
        }
        output.WriteLine($"error {error} at each of {calls} calls: {refused} backups refused, {calls - refused} went on, 0 false successes");
        Assert.True(refused > calls / 2);
    }

    [Fact]
    [Trait("Kind", "Slow")]
    public Task Of_some_calls_of_the_real_command() => PreloadAsync(every: 12);

    [Fact(Explicit = true)]
    [Trait("Kind", "Slow")]
    public Task Of_each_call_of_the_real_command() => PreloadAsync(every: 1);

    private async Task PreloadAsync(int every)
    {
        var command = CommandLine.Find();
        Assert.SkipUnless(command is not null, "the stillpoint command is not built");
        var shim = Shim.Need();
        var folder = Directory.CreateTempSubdirectory("stillpoint-failing-").FullName;
        try
        {
            string unit = Path.Combine(folder, "unit"), key = Path.Combine(folder, "key"), disk = Path.Combine(folder, "disk.raw"),
                counted = Path.Combine(folder, "count");
            await ExpectAsync(command, key, null, 0, "store", "init", unit);
            await File.WriteAllBytesAsync(disk, Disks.Make(2 << 20, seed: 1, share: 1));
            await ExpectAsync(command, key, null, 0, "store", "backup", unit, disk, "--vm", "web");
            var images = 1;
            var seed = 2;
            int total = int.MaxValue, refused = 0, done = 0;
            for (var nth = 1; nth <= total; nth += every)
            {
                var content = Disks.Make(2 << 20, seed: seed++, share: 1);
                await File.WriteAllBytesAsync(disk, content);
                var error = nth % 2 == 0 ? Io : NoSpace;
                var variables = new Dictionary<string, string?>
                {
                    ["LD_PRELOAD"] = shim, ["SHIM_DIR"] = unit, ["SHIM_COUNT"] = counted,
                    ["SHIM_ERRNO"] = error.ToString(CultureInfo.InvariantCulture),
                    ["SHIM_FAIL_AT"] = total == int.MaxValue ? null : nth.ToString(CultureInfo.InvariantCulture),
                };
                var (code, message) = await RunAsync(command, key, variables, "store", "backup", unit, disk, "--vm", "web");
                var counts = (await File.ReadAllTextAsync(counted)).Split(' ', '\n');
                if (total == int.MaxValue)
                {
                    // The first run only counts.
                    Assert.Equal(0, code);
                    total = int.Parse(counts[0], CultureInfo.InvariantCulture);
                    Assert.True(total > 20, $"only {total} calls");
                    images++;
                    nth -= every;
                    continue;
                }
                done++;
                if (code != 0)
                {
                    refused++;
                    Assert.True(message.Contains("storage unit", StringComparison.Ordinal), $"call {nth}: {message}");
                }
                var now = await ImagesAsync(unit);
                Assert.InRange(now, code == 0 ? images + 1 : images, images + 1);
                images = now;
                if (nth % 5 != 0 && every == 1) continue;
                await ExpectAsync(command, key, null, 0, "store", "verify", unit);
            }
            await ExpectAsync(command, key, null, 0, "store", "backup", unit, disk, "--vm", "web");
            Assert.Equal(images + 1, await ImagesAsync(unit));
            output.WriteLine($"{done} of {total} calls of store backup failed by EIO or ENOSPC: {refused} backups refused, 0 false successes");
            Assert.True(refused > 0);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<int> ImagesAsync(string unit)
    {
        await using var opened = await StorageUnit.OpenInAsync(unit, new UnitEnvironment(TimeProvider.System, () => Guid.Empty), default);
        var list = await opened.ListImagesAsync(default);
        Assert.Empty(list.Damaged);
        return list.Images.Count;
    }

    private static async Task ExpectAsync(string command, string key, Dictionary<string, string?>? variables, int code, params string[] arguments)
    {
        var (got, message) = await RunAsync(command, key, variables ?? [], arguments);
        Assert.True(code == got, $"{string.Join(' ', arguments)}: {got}, {message}");
    }

    private static async Task<(int Code, string Error)> RunAsync(string command, string key, Dictionary<string, string?> variables,
        params string[] arguments)
    {
        using var process = CommandLine.Start(command, key, null, variables, arguments);
        var ignored = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await ignored;
        await process.WaitForExitAsync();
        return (process.ExitCode, error);
    }

    private static async Task<int> CountAsync()
    {
        var disk = new SimulatedDisk(new Random(0));
        var (unit, first, content) = await MakeAsync(disk);
        await using (unit)
        {
            var before = disk.Calls;
            await BackupAsync(unit, Change(content), first);
            return disk.Calls - before;
        }
    }

    private static async Task<(TestUnit Unit, StoredImage First, byte[] Content)> MakeAsync(SimulatedDisk disk)
    {
        disk.MakeFolder("/unit");
        disk.SyncFolder("/", "MakeFolder");
        TestUnit made = null!;
        var ids = 0;
        made = await TestUnit.MakeAsync(wrap: _ => new LocalVolume("/unit", () => new Guid(++ids, 0, 0, new byte[8]), null, disk));
        var content = Disks.Make(8 * Disks.Chunk, seed: 3, share: 1);
        return (made, await made.BackupAsync(content), content);
    }

    private static Task<StoredImage> BackupAsync(TestUnit unit, byte[] changed, StoredImage first) => unit.BackupAsync(Source(changed), first,
        Changed());

    private static byte[] Change(byte[] content)
    {
        var changed = (byte[])content.Clone();
        Disks.Fill(changed.AsSpan(Disks.Chunk, Disks.Chunk), new Random(5));
        return changed;
    }

    private static MemorySource Source(byte[] disk) => new(disk);

    private static ExtentSet Changed() => ExtentSet.Of(new Extent(Disks.Chunk, Disks.Chunk));
}
