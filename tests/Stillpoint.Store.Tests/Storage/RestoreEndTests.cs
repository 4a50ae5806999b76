using System.Diagnostics;

namespace Stillpoint.Store.Tests;

/// <summary>Restores to files that do not come to their end: no space, killed, interrupted. Nothing that is left may pass for a disk.</summary>
[Trait("Kind", "Slow")]
public sealed class RestoreEndTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-restore-").FullName;
    private readonly string? _command = Checkout.Command();
    private bool _mounted;

    private string Small => In("small");

    [Theory]
    [InlineData("r.vhdx")]
    [InlineData("r.vhd")]
    [InlineData("r.raw")]
    public async Task Without_space_nothing_is_left_and_with_space_it_runs(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "mounting needs root");
        await StoreAsync(24 << 20);
        Directory.CreateDirectory(Small);
        _mounted = Run("mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", Small) == 0;
        Assert.SkipUnless(_mounted, "no tmpfs can be mounted here");
        var target = Path.Combine(Small, name);
        var full = await RunAsync("store", "restore", In("u"), "latest", target);
        Assert.Equal(1, full.Code);
        Assert.Contains("Free space", full.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Small));

        // A folder that it made goes too.
        Assert.Equal(1, (await RunAsync("store", "restore", In("u"), "latest", Path.Combine(Small, "a", "b") + "/", "--format", "vhdx")).Code);
        Assert.Empty(Directory.GetFileSystemEntries(Small));

        Assert.Equal(0, Run("mount", "-o", "remount,size=80m", Small));
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", target)).Code);
        Assert.Equal([target], Directory.GetFileSystemEntries(Small));
    }

    [Theory]
    [InlineData("r.vhdx")]
    [InlineData("r.raw")]
    public async Task Killed_it_leaves_no_disk_and_the_next_run_clears_the_rest(string name)
    {
        await StoreAsync(96 << 20);
        using (var process = Start("store", "restore", In("u"), "latest", In(name)))
        {
            await FirstAsync(process, name);
            process.Kill();
            await process.WaitForExitAsync();
        }
        Assert.False(File.Exists(In(name)));
        Assert.Single(Directory.GetFiles(_folder, name + ".partial-*"));
        Assert.Equal(0, (await RunAsync("store", "restore", In("u"), "latest", In(name))).Code);
        Assert.Equal([In(name)], Directory.GetFiles(_folder, name + "*"));
    }

    [Fact]
    public async Task Interrupted_it_says_so_and_leaves_neither_file_nor_folder()
    {
        await StoreAsync(96 << 20);
        using var process = Start("store", "restore", In("u"), "latest", In("out") + "/here/", "--format", "vhdx");
        var error = process.StandardError.ReadToEndAsync();
        await FirstAsync(process, "out");
        await InterruptedAsync(process, error);
        Assert.False(Directory.Exists(In("out")));
    }

    /// <summary>The command is caught in the first thing that it does, long before it waits for anything.</summary>
    [Fact]
    public async Task Interrupted_at_its_start_it_says_so_too()
    {
        Assert.SkipUnless(Programs.Has("mkfifo"), "mkfifo is not installed");
        await StoreAsync(1 << 20);
        await File.WriteAllTextAsync(In("secret"), "correct horse battery staple");
        var change = await RunAsync("store", "keys", "wrap", "--new-passphrase-file", In("secret"));
        Assert.True(change.Code == 0, change.Error);
        Assert.Equal(0, Run("mkfifo", In("pipe")));
        using var process = Start("store", "restore", In("u"), "latest", In("r.vhdx"), "--passphrase-file", In("pipe"));
        var error = process.StandardError.ReadToEndAsync();
        // Opens when the command reads the other end.
        using (var pipe = await Task.Run(() => new FileStream(In("pipe"), FileMode.Open, FileAccess.Write)))
        {
            Interrupt(process);
            // Were it not caught, the process would end of it here.
            await Task.WhenAny(process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(1)));
            if (!process.HasExited) await pipe.WriteAsync("correct horse battery staple\n"u8.ToArray());
        }
        await process.WaitForExitAsync();
        Assert.Equal((130, "error: interrupted.\n"), (process.ExitCode, await error));
        Assert.Empty(Directory.GetFiles(_folder, "r.vhdx*"));
    }

    public void Dispose()
    {
        if (_mounted) Run("umount", Small);
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task InterruptedAsync(Process process, Task<string> error)
    {
        Interrupt(process);
        await process.WaitForExitAsync();
        Assert.Equal(130, process.ExitCode);
        Assert.Equal("error: interrupted.", (await error).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
    }

    private static void Interrupt(Process process) => Assert.Equal(0, Run("kill", "-INT", $"{process.Id}"));

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }

    private string In(string name) => Path.Combine(_folder, name);

    /// <summary>Waits until something of this name is there.</summary>
    private async Task FirstAsync(Process process, string name)
    {
        while (Directory.GetFileSystemEntries(_folder, name + "*").Length == 0)
        {
            Assert.False(process.HasExited, "the restore was over before it could be stopped");
            await Task.Delay(1);
        }
    }

    private async Task StoreAsync(int length)
    {
        Assert.SkipUnless(_command is not null, "the stillpoint command is not built");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "signals are sent by kill");
        await File.WriteAllBytesAsync(In("a.raw"), Disks.Make(length, seed: 1, share: 1));
        Assert.Equal(0, (await RunAsync("store", "init", In("u"))).Code);
        var backup = await RunAsync("store", "backup", In("u"), In("a.raw"), "--vm", "web");
        Assert.True(backup.Code == 0, backup.Error);
    }

    // Tests that run in the background inherit an ignored SIGINT, and so would the command.
    private Process Start(params string[] arguments) =>
        CommandLine.Start("env", In("key"), null, ["--default-signal=INT", _command!, .. arguments]);

    private async Task<(int Code, string Error)> RunAsync(params string[] arguments)
    {
        var (code, _, error) = await CommandLine.RunAsync(_command!, In("key"), arguments);
        return (code, error);
    }
}
