using Stillpoint.Model;

namespace Stillpoint.Store.Tests;

/// <summary>Real power cuts, as a file system sees them, in the middle of the real command: what it reported as committed is there.</summary>
[Trait("Kind", "Slow")]
public sealed class PowerCutTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-cuts-").FullName;
    private readonly string? _command = Checkout.Command();

    private const int ExitOfSigkill = 128 + 9;
    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("ext4", 5)]
    [InlineData("xfs", 5)]
    public Task Nothing_committed_is_lost(string kind, int cuts) => NothingIsLostAsync(kind, cuts, first: 0);

    [Theory(Explicit = true)]
    [InlineData("ext4", 100)]
    [InlineData("xfs", 100)]
    public Task Nothing_committed_is_lost_in_any_of_many_cuts(string kind, int cuts) => NothingIsLostAsync(kind, cuts, first: 1000);

    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public Task Without_the_sync_of_data_something_is_lost(string kind) =>
        SomethingIsLostAsync(kind, "SHIM_NO_DATA_SYNC", "the sync of data can be left out");

    /// <summary>All is synced by the end of each command, but a file gets its name before its bytes.</summary>
    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public Task Without_the_barrier_before_the_name_something_is_lost(string kind) =>
        SomethingIsLostAsync(kind, "SHIM_LATE_DATA_SYNC", "names can come before their bytes");

    private async Task SomethingIsLostAsync(string kind, string without, string otherwise)
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        using var disk = LoopDisk.Make(kind);
        var variables = new Dictionary<string, string?> { ["LD_PRELOAD"] = Shim.Need(), ["SHIM_DIR"] = disk.Mount, [without] = "1" };
        for (var cut = 0; cut < 6; cut++)
        {
            try
            {
                await RoundsAsync(disk, 1, 50 + cut, variables);
            }
            catch (Exception e) when (e is Xunit.Sdk.XunitException or TroubleException or IOException)
            {
                output.WriteLine($"power cuts, a control: {kind} with {without} fails at cut {cut + 1}: {e.Message.Split('\n')[0]}");
                return;
            }
        }
        Assert.Fail($"{otherwise} and nothing is lost");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task NothingIsLostAsync(string kind, int cuts, int first)
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        using var disk = LoopDisk.Make(kind);
        var (committed, between) = await RoundsAsync(disk, cuts, first, []);
        output.WriteLine($"power cuts: {kind}, {cuts} cuts, seeds from {first}, {committed} images committed, {between} cuts in the middle of a backup, 0 lost");
    }

    private async Task<(int Committed, int Between)> RoundsAsync(LoopDisk disk, int cuts, int seed, Dictionary<string, string?> variables)
    {
        var unit = Path.Combine(disk.Mount, "unit");
        var committed = new List<byte[]>();
        var tried = new List<byte[]>();
        var between = 0;
        if (!File.Exists(Path.Combine(unit, "unit.json"))) await ExpectAsync([], "store", "init", unit);
        for (var cut = 0; cut < cuts; cut++)
        {
            var random = new Random(seed + cut);
            // One backup that ends, and at once another that does not.
            committed.Add(await WriteAsync(random));
            await ExpectAsync(variables, "store", "backup", unit, Disk, "--vm", "web");
            var underWay = await WriteAsync(random);
            tried.Add(underWay);
            // Each third dies right after its commit, so that the power goes at the one moment that random ones hardly hit.
            var dies = (seed + cut) % 3 == 2;
            using (var process = Start(variables, dies ? "commit-put" : null, "store", "backup", unit, Disk, "--vm", "web"))
            {
                var ended = dies ? process.WaitForExit(s_life) : process.WaitForExit(random.Next(30, 900));
                disk.Cut();
                if (!ended) process.Kill();
                await process.WaitForExitAsync();
                if (dies) Assert.Equal(ExitOfSigkill, process.ExitCode);
                if (ended && process.ExitCode is 0 or ExitOfSigkill) committed.Add(underWay);
                else between++;
            }
            disk.ComeBack();
            await CheckAsync(unit, committed, tried);
        }
        return (committed.Count, between);
    }

    private async Task CheckAsync(string unit, List<byte[]> committed, List<byte[]> tried)
    {
        await using var opened = await OpenUnit.OpenAsync(unit, Key);
        var images = await opened.ImagesAsync();
        await opened.ExpectSoundAsync();
        var disks = new List<byte[]>();
        foreach (var image in images) disks.Add(await opened.RestoreAsync(image));
        foreach (var disk in committed) Assert.True(disks.Exists(d => d.AsSpan().SequenceEqual(disk)), "a committed image is lost");
        foreach (var disk in disks)
            Assert.True(committed.Concat(tried).Any(d => d.AsSpan().SequenceEqual(disk)), "an image holds what nobody backed up");
    }

    private string Disk => Path.Combine(_folder, "disk.raw");

    private string Key => Path.Combine(_folder, "key");

    private async Task<byte[]> WriteAsync(Random random)
    {
        var disk = Disks.Make(1 << 20, random.Next(), share: 0.7);
        await File.WriteAllBytesAsync(Disk, disk);
        return disk;
    }

    private async Task ExpectAsync(Dictionary<string, string?> variables, params string[] arguments)
    {
        using var process = CommandLine.Start(_command!, Key, null, variables, arguments);
        var ignored = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await ignored;
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, error);
    }

    private System.Diagnostics.Process Start(Dictionary<string, string?> variables, string? killAt, params string[] arguments)
    {
        var process = CommandLine.Start(_command!, Key, killAt, variables, arguments);
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
