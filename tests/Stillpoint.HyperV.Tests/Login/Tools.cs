using System.Diagnostics;

namespace Stillpoint.HyperV.Tests.Login;

/// <summary>Programs of the system.</summary>
internal static class Tools
{
    /// <summary>Debian's own, which sees Debian's packages.</summary>
    public const string Python = "/usr/bin/python3";

    public static async Task<bool> PythonHasAsync(params string[] modules) =>
        File.Exists(Python) && (await RunAsync(Python, ["-c", "import " + string.Join(", ", modules)])).Code == 0;

    public static async Task<(int Code, string Output, string Error)> RunAsync(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? input = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = input is not null,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
