using System.Diagnostics;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>The command killed dead at its kill points and at random moments: what was committed stays, what was not is not there, and the next
/// backup works.</summary>
[Trait("Kind", "Slow")]
public sealed class KillTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-kill-").FullName;
    private readonly string? _command = Checkout.Command();

    [Fact]
    public async Task Killed_at_each_point_the_unit_is_whole()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        Assert.Equal(0, await RunAsync(null, "store", "init", Unit));
        var disk = Disks.Make(8 << 20, seed: 1, share: 0.8);
        await File.WriteAllBytesAsync(Disk, disk);
        var expected = 0;
        foreach (var (point, committed) in new[] { ("pack-durable", false), ("pack-durable:2", false), ("commit-put", true) })
        {
            Disks.Fill(disk.AsSpan(expected << 20, 1 << 20), new Random(expected));
            await File.WriteAllBytesAsync(Disk, disk);
            Assert.Equal(137, await RunAsync(point, "store", "backup", Unit, Disk, "--vm", "web"));
            if (committed) expected++;
            await ExpectAsync(expected, committed ? disk : null);
            Assert.Equal(0, await RunAsync(null, "store", "backup", Unit, Disk, "--vm", "web"));
            await ExpectAsync(++expected, disk);
        }
    }

    [Fact]
    public async Task Killed_at_random_moments_nothing_committed_is_lost()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        Assert.Equal(0, await RunAsync(null, "store", "init", Unit));
        var random = new Random(20);
        var disk = Disks.Make(24 << 20, seed: 2, share: 0.8);
        var committed = 0;
        for (var round = 0; round < 12; round++)
        {
            Disks.Fill(disk.AsSpan(round << 20, 1 << 20), random);
            await File.WriteAllBytesAsync(Disk, disk);
            using var process = Start(null, "store", "backup", Unit, Disk, "--vm", "web");
            if (!process.WaitForExit(random.Next(50, 700))) process.Kill();
            await process.WaitForExitAsync();
            var images = await CountAsync();
            Assert.InRange(images, process.ExitCode == 0 ? committed + 1 : committed, committed + 1);
            committed = images;
        }
        Assert.Equal(0, await RunAsync(null, "store", "backup", Unit, Disk, "--vm", "web"));
        await ExpectAsync(committed + 1, disk);
        Assert.Empty(Directory.Exists(Path.Combine(Unit, "parts")) ? Directory.EnumerateFiles(Path.Combine(Unit, "parts")).Where(f => new FileInfo(f).Length > 0) : []);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Unit => Path.Combine(_folder, "unit");

    private string Disk => Path.Combine(_folder, "disk.raw");

    private string Key => Path.Combine(_folder, "key");

    private async Task ExpectAsync(int images, byte[]? latest)
    {
        Assert.Equal(images, await CountAsync());
        Assert.Equal(0, await RunAsync(null, "store", "verify", Unit));
        if (latest is null) return;
        var target = Path.Combine(_folder, "restored.raw");
        Assert.Equal(0, await RunAsync(null, "store", "restore", Unit, "latest", target));
        var restored = await File.ReadAllBytesAsync(target);
        Assert.True(latest.AsSpan().SequenceEqual(restored));
        File.Delete(target);
    }

    private async Task<int> CountAsync()
    {
        await using var unit = await StorageUnit.OpenInAsync(Unit, new UnitEnvironment(TimeProvider.System, () => Guid.Empty), default);
        var list = await unit.ListImagesAsync(default);
        Assert.Empty(list.Damaged);
        return list.Images.Count;
    }

    private async Task<int> RunAsync(string? killAt, params string[] arguments)
    {
        using var process = Start(killAt, arguments);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private Process Start(string? killAt, params string[] arguments)
    {
        var process = CommandLine.Start(_command!, Key, killAt, arguments);
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
