using System.Diagnostics;

namespace Stillpoint.Disks.Tests;

/// <summary>Programs that others wrote, asked what our files say.</summary>
internal static class Witness
{
    internal static void Need(params string[] programs)
    {
        foreach (var program in programs) Assert.SkipUnless(Programs.Has(program), $"{program} is not installed");
    }

    internal static string Run(string program, params string[] arguments)
    {
        var (code, output) = Try(program, arguments);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)} ended with {code}:\n{output}");
        return output;
    }

    internal static (int Code, string Output) Try(string program, params string[] arguments)
    {
        var (code, output, error) = TryApart(program, arguments);
        return (code, output + error);
    }

    internal static (int Code, string Output, string Error) TryApart(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>Every level of a chain as libvhdi sees it, base first.</summary>
    internal static List<byte[]> LevelsByLibvhdi(string leaf, string mountPoint, int levels)
    {
        Directory.CreateDirectory(mountPoint);
        Run("vhdimount", leaf, mountPoint);
        try
        {
            return [.. Enumerable.Range(1, levels).Select(i => File.ReadAllBytes(Path.Combine(mountPoint, $"vhdi{i}")))];
        }
        finally
        {
            Run("fusermount3", "-u", mountPoint);
        }
    }
}
