using System.Diagnostics;
using Stillpoint.Demo;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>What a command said and how it ended.</summary>
internal sealed record Said(int ExitCode, string Out, string Err)
{
    public string All => Out + Err;

    public override string ToString() => $"exit code {ExitCode}\n{Out}\n{Err}";
}

/// <summary>Runs commands as a person or a script would: a process, its output, its exit code.</summary>
internal static class CommandLine
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(4);

    /// <summary>The product's own command line.</summary>
    public static Task<Said> StillpointAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        RunAsync(RoleProcess.Executable, environment, arguments);

    /// <summary>A program of the system.</summary>
    public static Task<Said> RunAsync(string program, params string[] arguments) =>
        RunAsync(program, new Dictionary<string, string>(), arguments);

    /// <summary>A program that must succeed.</summary>
    public static async Task<Said> MustAsync(string program, params string[] arguments)
    {
        var said = await RunAsync(program, arguments);
        Assert.True(said.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {said.ExitCode}: {said.All}");
        return said;
    }

    /// <summary>A program in an environment that is changed.</summary>
    public static async Task<Said> RunAsync(string program, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            process.StandardInput.Close();
            var (output, error) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            return new Said(process.ExitCode, await output, await error);
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
