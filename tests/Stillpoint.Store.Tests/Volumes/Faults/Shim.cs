using System.Diagnostics;

namespace Stillpoint.Store.Tests;

/// <summary>The preloaded fault shim, compiled once a run.</summary>
internal static class Shim
{
    private static readonly Lazy<string?> s_path = new(Compile);

    /// <summary>Its library; the test is skipped where there is no compiler.</summary>
    public static string Need()
    {
        Assert.SkipUnless(s_path.Value is not null, "there is no C compiler (package gcc)");
        return s_path.Value!;
    }

    private static string? Compile()
    {
        var compiler = Programs.Find("cc") ?? Programs.Find("gcc");
        if (compiler is null || !OperatingSystem.IsLinux()) return null;
        var folder = Directory.CreateTempSubdirectory("stillpoint-shim-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        var source = Path.Combine(AppContext.BaseDirectory, "shim.c");
        var library = Path.Combine(folder, "shim.so");
        string[] arguments = ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"];
        using var process = Process.Start(new ProcessStartInfo(compiler, arguments) { RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? library : throw new InvalidOperationException(errors);
    }
}
