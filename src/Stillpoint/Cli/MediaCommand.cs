using System.CommandLine;
using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Stillpoint.Media;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint media</c>: the media server, until it is told to stop.</summary>
internal static class MediaCommand
{
    private static readonly Option<string> s_listen = new("--listen")
    {
        Description = "Data endpoint; port 0 picks one.",
        HelpName = "HOST:PORT",
        DefaultValueFactory = _ => $"0.0.0.0:{Endpoints.DefaultDataPort}",
    };

    public static Command Create()
    {
        var command = new Command("media", "Run a media server: takes data from clients into storage units.");
        foreach (var option in RoleJoin.Options) command.Add(option);
        command.Add(s_listen);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parse, CancellationToken cancel)
    {
        using var logs = RoleLog.Create();
        var log = logs.CreateLogger("media");
        using var identity = await RoleJoin.IdentityAsync(parse, PeerRoles.Media, log, cancel);
        var settings = new MediaSettings(RoleJoin.DataOf(parse), RoleJoin.PrimaryOf(parse), await ParseAsync(parse.GetRequiredValue(s_listen), cancel));
        var environment = new MediaEnvironment(TimeProvider.System, Ids.New, new Random(RandomNumberGenerator.GetInt32(int.MaxValue)), log);
        await using var server = await MediaServer.StartAsync(settings, identity, environment, cancel);
        await Task.Delay(Timeout.InfiniteTimeSpan, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
            throw new TroubleException($"address {listen}", $"The name is unknown: {e.Message}", "Give an address of this machine, or 0.0.0.0 for all.", inner: e);
        }
    }
}
