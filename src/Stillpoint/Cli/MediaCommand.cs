using System.CommandLine;
using System.Net;
using Microsoft.Extensions.Logging;
using Stillpoint.Media;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint media</c>: the media server, until it is told to stop.</summary>
internal static class MediaCommand
{
    public static Command Create()
    {
        var primary = new Option<string>("--primary") { Description = "Address of the primary server, https.", HelpName = "URL", Required = true };
        var fingerprint = new Option<string>("--fingerprint") { Description = "Fingerprint of its authority; needed to join.", HelpName = "HEX" };
        var token = new Option<string>("--join-token-file") { Description = "File with the one-time token; needed to join.", HelpName = "FILE" };
        var data = new Option<DirectoryInfo>("--data") { Description = "Folder of all that it keeps.", HelpName = "DIR", Required = true };
        var listen = new Option<string>("--listen")
        {
            Description = $"Data endpoint; port 0 picks one. Default 0.0.0.0:{Endpoints.DefaultDataPort}.",
            HelpName = "HOST:PORT",
            DefaultValueFactory = _ => $"0.0.0.0:{Endpoints.DefaultDataPort}",
        };
        var name = new Option<string>("--name") { Description = "Name to join under; by default this machine's.", HelpName = "NAME" };
        var command = new Command("media", "Run a media server: takes data from clients into storage units.")
        {
            primary, fingerprint, token, data, listen, name,
        };
        command.SetAction((parsed, cancel) => RunAsync(
            new Enrolment(Endpoints.ParsePrimary(parsed.GetRequiredValue(primary)), PeerRoles.Media, parsed.GetValue(name) ?? MachineName(),
                parsed.GetValue(fingerprint), parsed.GetValue(token)),
            parsed.GetRequiredValue(data).FullName, parsed.GetRequiredValue(listen), cancel));
        return command;
    }

    private static async Task<int> RunAsync(Enrolment enrolment, string data, string listen, CancellationToken cancel)
    {
        using var logs = LoggerFactory.Create(builder => builder.AddSimpleConsole(o => o.SingleLine = true)
            .Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace));
        var log = logs.CreateLogger("media");
        try
        {
            using var identity = await enrolment.IdentityAsync(data, TimeProvider.System, log, cancel);
            var settings = new MediaSettings(data, enrolment.Primary, await ParseAsync(listen, cancel));
            var environment = new MediaEnvironment(TimeProvider.System, Ids.New, new Random(Seed()), log);
            await using var server = await MediaRole.StartAsync(settings, identity, environment, cancel);
            await Task.Delay(Timeout.Infinite, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Told to stop: that is how a server ends.
        }
        return ExitCodes.Ok;
    }

    private static async Task<IPEndPoint> ParseAsync(string listen, CancellationToken cancel)
    {
        var (host, port) = Endpoints.Parse(listen, Endpoints.DefaultDataPort);
        if (IPAddress.TryParse(host, out var address)) return new IPEndPoint(address, port);
        try
        {
            return new IPEndPoint((await Dns.GetHostAddressesAsync(host, cancel))[0], port);
        }
        catch (System.Net.Sockets.SocketException e)
        {
            throw new TroubleException($"address {listen}", $"The name is unknown: {e.Message}",
                "Give an address of this machine, or 0.0.0.0 for all.", inner: e);
        }
    }

    /// <summary>The machine's name in the letters that a name may have.</summary>
    private static string MachineName() =>
        new([.. Environment.MachineName.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-').Take(64)]);

    private static int Seed() => BitConverter.ToInt32(Ids.New().ToByteArray());
}
