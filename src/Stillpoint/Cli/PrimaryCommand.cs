using System.CommandLine;
using Stillpoint.Model;
using Stillpoint.Primary;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint primary</c>: the primary server, until it is told to stop.</summary>
internal static class PrimaryCommand
{
    public static Command Create()
    {
        var data = new Option<DirectoryInfo>("--data") { Description = "Folder of all that it keeps.", HelpName = "DIR", Required = true };
        var listen = new Option<string>("--listen")
        {
            Description = "Address to listen on; port 0 picks one.",
            HelpName = "HOST:PORT",
            DefaultValueFactory = _ => $"0.0.0.0:{PrimaryOptions.DefaultPort}",
        };
        var command = new Command("primary", "Run the primary server: policies, schedules, jobs, catalog, REST interface.") { data, listen };
        command.SetAction((parsed, cancel) => Run(parsed.GetRequiredValue(data).FullName, parsed.GetRequiredValue(listen), cancel));
        return command;
    }

    private static async Task<int> Run(string data, string listen, CancellationToken cancel)
    {
        await using var server = await Start(data, listen, cancel);
        Terminal.Note($"primary server at {server.Address.GetLeftPart(UriPartial.Authority)}");
        Terminal.Note($"fingerprint of its authority: {server.Fingerprint}");
        if (server.FirstPassword is { } password)
            Terminal.Note($"first sign-in: user admin, password {password} (also in {Path.Combine(data, "first-password")} until it was used)");
        await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return ExitCodes.Ok;
    }

    private static async Task<PrimaryServer> Start(string data, string listen, CancellationToken cancel)
    {
        try
        {
            return await PrimaryServer.Start(
                new PrimaryOptions
                {
                    DataFolder = data, Listen = listen, KeyFormat = new ChunkKeyFormat(), NewId = Ids.New, Logging = RoleLog.Configure,
                }, cancel);
        }
        catch (TroubleException e) when (e.Trouble.Retry)
        {
            throw new CommandFailedException(ExitCodes.Locked, $"{e.Trouble.Culprit}: {e.Trouble.Message}", e.Trouble.NextStep);
        }
    }
}
