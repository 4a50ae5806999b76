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
        var passphrase = new Option<string?>("--passphrase-file")
        {
            Description = $"File with the passphrase of the key store: it opens key files that are locked, and locks new ones; or {StoreAccess.PassphraseVariable}.",
            HelpName = "FILE",
        };
        var command = new Command("primary", "Run the primary server: policies, schedules, jobs, catalog, REST interface.") { data, listen, passphrase };
        command.SetAction((parsed, cancel) => Run(
            new PrimaryOptions
            {
                DataFolder = parsed.GetRequiredValue(data).FullName, Listen = parsed.GetRequiredValue(listen), KeyFormat = new ChunkKeyFormat(),
                KeyPassphrase = Passphrase.Named(parsed.GetValue(passphrase), StoreAccess.PassphraseVariable), NewId = Ids.New, Logging = RoleLog.Configure,
            }, cancel));
        return command;
    }

    private static async Task<int> Run(PrimaryOptions options, CancellationToken cancel)
    {
        await using var server = await Start(options, cancel);
        Terminal.Note($"primary server at {server.Address.GetLeftPart(UriPartial.Authority)}");
        Terminal.Note($"fingerprint of its authority: {server.Fingerprint}");
        if (server.FirstPassword is { } password)
            Terminal.Note($"first sign-in: user admin, password {password} (also in {Path.Combine(options.DataFolder, "first-password")} until it was used)");
        await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return ExitCodes.Ok;
    }

    private static async Task<PrimaryServer> Start(PrimaryOptions options, CancellationToken cancel)
    {
        try
        {
            return await PrimaryServer.Start(options, cancel);
        }
        catch (TroubleException e) when (e.Trouble.Retry)
        {
            throw new CommandFailedException(ExitCodes.Locked, $"{e.Trouble.Culprit}: {e.Trouble.Message}", e.Trouble.NextStep);
        }
    }
}
