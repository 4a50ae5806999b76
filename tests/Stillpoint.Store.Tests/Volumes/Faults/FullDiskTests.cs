using System.Diagnostics;
using System.Text.Json;

namespace Stillpoint.Store.Tests;

/// <summary>A disk that is full to the last byte: the backup says so, images can be given up and collected, and then there is room again.</summary>
[Trait("Kind", "Slow")]
public sealed class FullDiskTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-full-").FullName;
    private readonly string? _command = Checkout.Command();
    private LoopDisk? _disk;
    private bool _mounted;

    [Fact]
    public async Task On_a_full_disk_images_can_be_given_up_and_collected()
    {
        await MakeAsync();
        string? first = null, full = null;
        for (var seed = 1; full is null; seed++)
        {
            Assert.True(seed < 20, "the disk does not fill");
            // Of bytes that nobody compresses.
            var disk = new byte[6 << 20];
            new Random(seed).NextBytes(disk);
            await File.WriteAllBytesAsync(Disk, disk);
            var (code, output, error) = await RunAsync("store", "backup", Unit, Disk, "--vm", "web", "--output", "json");
            if (code == 0) first ??= JsonDocument.Parse(output).RootElement.GetProperty("id").GetString();
            else full = error;
        }
        Assert.Contains("it is full", full, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Unit, "reserve")));
        Fill();
        await ExpectAsync(0, "store", "expire", Unit, first!);
        await ExpectAsync(0, "store", "collect", Unit);
        await ExpectAsync(0, "store", "backup", Unit, Disk, "--vm", "web");
        File.Delete(Path.Combine(Mount, "filler"));
        await ExpectAsync(0, "store", "verify", Unit);

        // Without the reserve nothing could have been given up.
        File.Delete(Path.Combine(Unit, "reserve"));
        Fill();
        Assert.Contains("it is full", await ExpectAsync(1, "store", "expire", Unit, "latest"), StringComparison.Ordinal);
    }

    /// <summary>A pack that is mostly dead can be given back only by a copy of what lives in it, and for that there is no room: the collect
    /// leaves it and says so. As soon as a pack is dead altogether one collect deletes it, and copies in the room that it left.</summary>
    [Fact]
    public async Task On_a_full_disk_a_collect_makes_room_before_it_copies()
    {
        // On a real file system, which needs blocks for names and for its own trees too.
        _disk = LoopDisk.Make("ext4", 48 << 20);
        await MakeAsync();
        var disk = new byte[8 << 20];
        new Random(1).NextBytes(disk);
        var mostlyDead = await BackupAsync(disk);
        new Random(2).NextBytes(disk.AsSpan(2 << 20));
        var lives = await BackupAsync(disk);
        var other = new byte[8 << 20];
        new Random(3).NextBytes(other);
        var dead = await BackupAsync(other);
        Fill();
        await ExpectAsync(0, "store", "expire", Unit, mostlyDead);
        var (code, output, error) = await RunAsync("store", "collect", Unit, "--output", "json");
        Assert.True(code == 0, error);
        var report = JsonDocument.Parse(output).RootElement;
        Assert.True(report.GetProperty("lackedSpace").GetBoolean() && report.GetProperty("packsRewritten").GetInt32() == 0, output);
        await ExpectAsync(0, "store", "expire", Unit, dead);
        (code, output, error) = await RunAsync("store", "collect", Unit, "--output", "json");
        Assert.True(code == 0, error);
        report = JsonDocument.Parse(output).RootElement;
        Assert.True(!report.GetProperty("lackedSpace").GetBoolean() && report.GetProperty("packsRewritten").GetInt32() > 0, output);
        Assert.True(report.GetProperty("bytesFreed").GetInt64() > 13 << 20, output);
        await ExpectAsync(0, "store", "verify", Unit);
        var target = Path.Combine(_folder, "restored.raw");
        await ExpectAsync(0, "store", "restore", Unit, lives, target);
        Assert.Equal(disk, await File.ReadAllBytesAsync(target));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Unit, "condemned")));
    }

    public void Dispose()
    {
        _disk?.Dispose();
        if (_mounted) Run("umount", Mount);
        Directory.Delete(_folder, recursive: true);
    }

    private string Mount => _disk?.Mount ?? Path.Combine(_folder, "mnt");

    private string Unit => Path.Combine(Mount, "unit");

    private string Disk => Path.Combine(_folder, "disk.raw");

    private async Task MakeAsync()
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        if (_disk is null)
        {
            Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "mounting needs root");
            Directory.CreateDirectory(Mount);
            _mounted = Run("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", Mount) == 0;
            Assert.SkipUnless(_mounted, "no tmpfs can be mounted here");
        }
        await ExpectAsync(0, "store", "init", Unit);
    }

    private async Task<string> BackupAsync(byte[] disk)
    {
        await File.WriteAllBytesAsync(Disk, disk);
        var (code, output, error) = await RunAsync("store", "backup", Unit, Disk, "--vm", "web", "--output", "json");
        Assert.True(code == 0, error);
        return JsonDocument.Parse(output).RootElement.GetProperty("id").GetString()!;
    }

    private void Fill()
    {
        using var file = new FileStream(Path.Combine(Mount, "filler"), FileMode.Append, FileAccess.Write, FileShare.None, 0);
        try
        {
            var block = new byte[4096];
            while (true) file.Write(block);
        }
        catch (IOException)
        {
            // Not a byte is left.
        }
    }

    private async Task<string> ExpectAsync(int code, params string[] arguments)
    {
        var (got, _, error) = await RunAsync(arguments);
        Assert.True(code == got, $"{string.Join(' ', arguments)}: {got}, {error}");
        return error;
    }

    private async Task<(int Code, string Out, string Error)> RunAsync(params string[] arguments)
    {
        using var process = CommandLine.Start(_command!, Path.Combine(_folder, "key"), null, arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, error);
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }
}
