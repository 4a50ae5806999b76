using System.Diagnostics;
using Stillpoint.Roles.Tests.Primary;

namespace Stillpoint.Roles.Tests.Cli;

/// <summary>What a command said and how it ended.</summary>
internal sealed record Said(int ExitCode, string Out, string Err);

/// <summary>The stillpoint command as a process, asking the rig's primary server as its administrator.</summary>
internal sealed class CommandLine(string command, PrimaryRig rig)
{
    /// <summary>Runs it with its output redirected.</summary>
    public Task<Said> Run(params string[] arguments) => Start(new ProcessStartInfo(command, arguments));

    /// <summary>Runs it on a terminal of so many letters; all it says is in <see cref="Said.Out"/>.</summary>
    public Task<Said> OnTerminal(int width, params string[] arguments) => Start(new ProcessStartInfo(
        "script", ["-qec", $"stty cols {width}; {command} {string.Join(' ', arguments)}", "/dev/null"]));

    private async Task<Said> Start(ProcessStartInfo start)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        start.Environment["STILLPOINT_URL"] = rig.Server.Address.GetLeftPart(UriPartial.Authority);
        start.Environment["STILLPOINT_FINGERPRINT"] = rig.Server.Fingerprint;
        start.Environment["STILLPOINT_TOKEN_FILE"] = rig.Data + ".api-key";
        start.Environment["STILLPOINT_CONFIG"] = rig.Data + ".config";
        start.Environment["NO_COLOR"] = "1";
        await File.WriteAllTextAsync(rig.Data + ".api-key", rig.Admin.DefaultRequestHeaders.Authorization!.Parameter);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        try
        {
            process.StandardInput.Close();
            var (output, error) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            return new Said(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
