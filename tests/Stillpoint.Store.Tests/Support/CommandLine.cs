using System.Diagnostics;
using System.Text.RegularExpressions;
using Stillpoint.Model;

namespace Stillpoint.Store.Tests;

/// <summary>The stillpoint command as a process of its own.</summary>
internal static partial class CommandLine
{
    /// <summary>Starts it with its output redirected.</summary>
    public static Process Start(string command, string keyFile, string? killAt, params string[] arguments) =>
        Start(command, keyFile, killAt, [], arguments);

    /// <summary>Starts it with its output redirected and some variables of its environment changed.</summary>
    public static Process Start(string command, string keyFile, string? killAt, Dictionary<string, string?> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["STILLPOINT_KEY_FILE"] = keyFile;
        start.Environment.Remove(Kill.Variable);
        // Buckets of the tests' own object store.
        start.Environment["AWS_ACCESS_KEY_ID"] = Rgw.AccessKey;
        start.Environment["AWS_SECRET_ACCESS_KEY"] = Rgw.SecretKey;
        if (killAt is not null) start.Environment[Kill.Variable] = killAt;
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(string command, string keyFile, params string[] arguments)
    {
        using var process = Start(command, keyFile, null, arguments);
        return await EndAsync(process);
    }

    /// <summary>Runs it to its end on a terminal of so many letters, by the program script; all that it says is its output.</summary>
    public static async Task<(int Code, string Output, string Error)> OnTerminalAsync(string command, string keyFile, int width, params string[] arguments)
    {
        using var process = Start(
            "script", keyFile, null, new Dictionary<string, string?> { ["NO_COLOR"] = "1" },
            "-qec", $"stty cols {width}; {command} {string.Join(' ', arguments)}", "/dev/null");
        var (code, output, error) = await EndAsync(process);
        return (code, ControlSequence().Replace(output, ""), error);
    }

    /// <summary>What a terminal acts on and does not show.</summary>
    [GeneratedRegex(@"\x1b(\[[0-9;?]*[A-Za-z]|[=>])")]
    private static partial Regex ControlSequence();

    private static async Task<(int Code, string Output, string Error)> EndAsync(Process process)
    {
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
