using System.Diagnostics;
using Stillpoint.Model;

namespace Stillpoint.Store.Tests;

/// <summary>The stillpoint command as a process of its own.</summary>
internal static class CommandLine
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
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
