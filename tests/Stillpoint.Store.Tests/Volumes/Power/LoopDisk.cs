using System.Diagnostics;

namespace Stillpoint.Store.Tests;

/// <summary>A file system in a file, mounted, from which the power can be taken: what was not synced is gone after the next mount.</summary>
internal sealed class LoopDisk : IDisposable
{
    /// <summary>mkfs.xfs makes none below 300 MiB.</summary>
    private const long Least = 320L << 20;

    private readonly string _image;

    private LoopDisk(string folder)
    {
        _image = Path.Combine(folder, "disk.img");
        Mount = Path.Combine(folder, "mnt");
    }

    public string Mount { get; }

    /// <summary>Makes one; the test is skipped where that needs rights or packages that are not there.</summary>
    /// <param name="kind">ext4 or xfs.</param>
    /// <param name="bytes">Size of the device.</param>
    public static LoopDisk Make(string kind, long bytes = Least)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "mounting needs root");
        foreach (var program in new[] { "xfs_io", $"mkfs.{kind}", "mount" }) Assert.SkipUnless(Programs.Has(program),
            $"{program} is not installed (packages xfsprogs, e2fsprogs, mount)");
        var disk = new LoopDisk(Directory.CreateTempSubdirectory("stillpoint-power-").FullName);
        using (var file = File.Create(disk._image)) file.SetLength(bytes);
        Directory.CreateDirectory(disk.Mount);
        Run($"mkfs.{kind}", kind == "xfs" ? ["-q", disk._image] : ["-q", "-F", disk._image]);
        var mounted = TryRun("mount", ["-o", "loop", disk._image, disk.Mount]);
        if (mounted is not null) Directory.Delete(Path.GetDirectoryName(disk.Mount)!, recursive: true);
        Assert.SkipUnless(mounted is null, $"no loop mount here: {mounted}");
        return disk;
    }

    /// <summary>Takes the power away: nothing more reaches the disk.</summary>
    public void Cut() => Run("xfs_io", ["-x", "-c", "shutdown", Mount]);

    /// <summary>Gives it back: the file system recovers from its journal.</summary>
    public void ComeBack()
    {
        Run("umount", [Mount]);
        Run("mount", ["-o", "loop", _image, Mount]);
    }

    public void Dispose()
    {
        TryRun("umount", [Mount]);
        Directory.Delete(Path.GetDirectoryName(Mount)!, recursive: true);
    }

    private static void Run(string program, string[] arguments)
    {
        if (TryRun(program, arguments) is { } error) throw new InvalidOperationException($"{program}: {error}");
    }

    private static string? TryRun(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var ignored = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        ignored.Wait();
        return process.ExitCode == 0 ? null : error;
    }
}
