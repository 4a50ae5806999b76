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

    /// <summary>A collect that deletes, and copies what lives, ends or says why not; what was not given up stays whole, and the next one ends the work.</summary>
    [Theory]
    [InlineData(Io)]
    [InlineData(NoSpace)]
    public async Task Of_each_call_of_a_collect_on_a_simulated_disk(int error)
    {
        int calls = int.MaxValue, refused = 0;
        for (var nth = 0; nth <= calls; nth++)
        {
            var disk = new SimulatedDisk(new Random(nth));
            var (unit, first, content) = await MakeAsync(disk);
            await using (unit)
            {
                var changed = Change(content);
                var second = await BackupAsync(unit, changed, first);
                // Of this one's pack nothing is needed, of the first one's pack nearly all.
                var third = await unit.BackupAsync(Disks.Make(4 * Disks.Chunk, seed: 9, share: 1));
                await Keeper.ExpireAsync(unit.Unit, first.Header.Id, null, default);
                await Keeper.ExpireAsync(unit.Unit, third.Header.Id, null, default);
                var before = disk.Calls;
                // The first run only counts.
                if (nth > 0) disk.FailAt = disk.Calls + nth;
                disk.Failure = () => new IOException("the call failed", error);
                try
                {
                    await Collector.RunAsync(unit.Unit, new CollectOptions(), null, default);
                }
                catch (TroubleException e)
                {
                    refused++;
                    Assert.Contains(error == NoSpace ? "full" : "failed", e.Trouble.Message, StringComparison.Ordinal);
                }
                if (nth == 0) calls = disk.Calls - before;
                disk.FailAt = int.MaxValue;
                disk.Cut();
                var after = disk.AfterCut();
                await using var again = await StorageUnit.OpenAsync(new LocalVolume("/unit", unit.NewId, null, after), unit.Environment, default);
                var report = await Collector.RunAsync(again, new CollectOptions(), null, default);
                Assert.True(report.Finished && !report.LackedSpace, $"call {nth}");
                Assert.Equal([second.Header.Id], (await again.ListImagesAsync(default)).Images.Select(i => i.Header.Id));
                Assert.Equal(changed, await unit.RestoreAsync(second, again));
                Assert.Empty((await UnitVerify.RunAsync(again, unit.Keys, null, default)).Damage);
                Assert.DoesNotContain(after.Files("/unit/condemned"), f => f.Length > 0);
            }
        }
        output.WriteLine($"error {error} at each of {calls} calls of a collect: {refused} refused, {calls - refused} went on, 0 images hurt");
        Assert.True(calls > 40 && refused > calls / 4, $"{calls} calls, {refused} refused");
    }

    [Fact]
    [Trait("Kind", "Slow")]
    public Task Of_some_calls_of_the_real_command() => PreloadAsync(every: 12);

    [Fact(Explicit = true)]
    [Trait("Kind", "Slow")]
    public Task Of_each_call_of_the_real_command() => PreloadAsync(every: 1);

    private async Task PreloadAsync(int every)
    {
        var command = Checkout.Command();
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
            var images = 2;
            var seed = 2;
            int refused = 0, done = 0;
            // The first run only counts.
            var (first, error) = await BackupAsync(0, 0);
            Assert.True(first == 0, error);
            var total = int.Parse((await File.ReadAllTextAsync(counted)).Split(' ')[0], CultureInfo.InvariantCulture);
            Assert.True(total > 20, $"only {total} calls");
            foreach (var (nth, number) in Faults(total, every))
            {
                var (code, message) = await BackupAsync(nth, number);
                done++;
                if (code != 0)
                {
                    refused++;
                    Assert.True(message.Contains("storage unit", StringComparison.Ordinal), $"call {nth}, error {number}: {message}");
                }
                await using var opened = await OpenUnit.OpenAsync(unit, key);
                var now = (await opened.ImagesAsync()).Count;
                Assert.True(now == images + 1 || (now == images && code != 0), $"call {nth}, error {number}: exit code {code}, {images} images, then {now}");
                images = now;
                if (done % 5 == 0 || every > 1) await opened.ExpectSoundAsync();
            }
            await ExpectAsync(command, key, null, 0, "store", "backup", unit, disk, "--vm", "web");
            await ExpectAsync(command, key, null, 0, "store", "verify", unit);
            output.WriteLine($"failing calls: {done} faults at the {total} calls of store backup, EIO and ENOSPC: {refused} backups refused, 0 false successes");
            Assert.True(refused > 0);

            async Task<(int Code, string Error)> BackupAsync(int nth, int number)
            {
                await File.WriteAllBytesAsync(disk, Disks.Make(2 << 20, seed: seed++, share: 1));
                var variables = new Dictionary<string, string?>
                {
                    ["LD_PRELOAD"] = shim, ["SHIM_DIR"] = unit, ["SHIM_COUNT"] = counted,
                    ["SHIM_ERRNO"] = number.ToString(CultureInfo.InvariantCulture),
                    ["SHIM_FAIL_AT"] = nth == 0 ? null : nth.ToString(CultureInfo.InvariantCulture),
                };
                return await RunAsync(command, key, variables, "store", "backup", unit, disk, "--vm", "web");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Each call with each error; or every so-manieth call, with one of them in turn.</summary>
    private static IEnumerable<(int Call, int Error)> Faults(int calls, int every)
    {
        for (var nth = 1; nth <= calls; nth += every)
        {
            if (every == 1 || nth / every % 2 == 0) yield return (nth, Io);
            if (every == 1 || nth / every % 2 == 1) yield return (nth, NoSpace);
        }
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
