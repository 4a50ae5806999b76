using System.Diagnostics;
using Stillpoint.Demo;

namespace Stillpoint.EndToEnd.Tests;

/// <summary>How a process ended and what it said.</summary>
internal sealed record ExeResult(int Code, string Out, string Err)
{
    public override string ToString() => $"exit code {Code}\n{Out}\n{Err}";
}

/// <summary>Runs a program to its end.</summary>
internal static class Exe
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(4);

    /// <summary>The product as it is built.</summary>
    public static string Stillpoint => RoleProcess.Executable;

    /// <summary>The repository's folder.</summary>
    public static string Repository { get; } = FindRepository();

    public static Task<ExeResult> RunAsync(string program, params string[] arguments) => RunAsync(program, [], arguments);

    public static async Task<ExeResult> RunAsync(string program, (string Name, string Value)[] environment, params string[] arguments)
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
            return new ExeResult(process.ExitCode, await output, await error);
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Stillpoint.slnx"))) return folder.FullName;
        }
        throw new InvalidOperationException("the tests do not run inside the repository");
    }
}
