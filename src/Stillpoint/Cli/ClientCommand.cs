using System.CommandLine;
using Microsoft.Extensions.Logging;
using Stillpoint.Client;
using Stillpoint.HyperV;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint client</c>: the role on a Hyper-V host.</summary>
internal static class ClientCommand
{
    private static readonly Option<string[]> s_pathMap = new("--path-map")
    {
        Description = @"Where a host folder lies on this machine, as C:\=DIR; may be repeated, the longest match wins. Not needed on the host itself.",
        HelpName = @"C:\=DIR",
    };

    private static readonly Option<double> s_keepFree = new("--keep-free")
    {
        Description = "Per cent of a volume that stay free while a checkpoint is open (20 GiB are always enough).",
        HelpName = "PERCENT",
        DefaultValueFactory = _ => 10,
    };

    private static readonly Option<double> s_checkpointAge = new("--checkpoint-age")
    {
        Description = "Longest time that a checkpoint stays open.",
        HelpName = "HOURS",
        DefaultValueFactory = _ => 12,
    };

    public static Command Create()
    {
        var command = new Command("client", "Run the client of a Hyper-V host: it takes checkpoints and sends what changed.");
        foreach (var option in RoleJoin.Options) command.Add(option);
        foreach (var option in (Option[])[.. HyperVOptions.All, s_pathMap, s_keepFree, s_checkpointAge]) command.Add(option);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parse, CancellationToken cancel)
    {
        var paths = (parse.GetValue(s_pathMap) ?? []).Select(PathMapping.Parse).ToList();
        // Before the one-time token is spent: without the host or its files no job can work.
        _ = new LocalHostFiles(paths, Ids.New);
        var host = await HyperVOptions.ReadAsync(parse, cancel);
        await HyperVHostFactory.Create(host, TimeProvider.System, Ids.New).DisposeAsync();
        using var logs = RoleLog.Create();
        var log = logs.CreateLogger("client");
        using var identity = await RoleJoin.IdentityAsync(parse, PeerRoles.Client, log, cancel);
        var options = new ClientOptions(
            RoleJoin.PrimaryOf(parse),
            RoleJoin.DataOf(parse),
            host,
            paths,
            HostLimits.Default with
            {
                FreeShare = parse.GetRequiredValue(s_keepFree) / 100,
                CheckpointAge = TimeSpan.FromHours(parse.GetRequiredValue(s_checkpointAge)),
            });
        var role = new ClientRole(options, identity, TimeProvider.System, Ids.New, log);
        await role.RunAsync(ProductVersion.Text, () => RoleJoin.WriteEndpoints(options.Data, new { name = identity.Self.Name }), cancel);
        return ExitCodes.Ok;
    }
}
