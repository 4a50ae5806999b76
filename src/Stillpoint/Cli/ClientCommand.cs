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

    private static readonly Option<int> s_checkpoints = Count("--checkpoints", "Checkpoints that may be open at once.", new HostLoad().Checkpoints);

    private static readonly Option<int> s_perVolume = Count("--per-volume", "Jobs that one volume of the host carries at once.", new HostLoad().PerVolume);

    private static readonly Option<int> s_transfers = Count("--transfers", "Jobs that move data at once, restores among them.", new HostLoad().Transfers);

    private static readonly Option<long> s_rate = SizeOption.Create("--limit-rate", "Bytes that are read from the host's disks each second, at most: 100M, 1G.");

    private static readonly Option<int> s_slowRead = Count(
        "--slow-read", "Milliseconds after which a read says that the host's storage is slow; reading then gives way.", (int)new HostLoad().SlowRead.TotalMilliseconds);

    private static Option<int> Count(string name, string description, int usual) =>
        new(name) { Description = description, HelpName = "NUMBER", DefaultValueFactory = _ => usual };

    public static Command Create()
    {
        var command = new Command("client", "Run the client of a Hyper-V host: it takes checkpoints and sends what changed.");
        foreach (var option in RoleJoin.Options) command.Add(option);
        foreach (var option in (Option[])[.. HyperVOptions.All, s_pathMap, s_keepFree, s_checkpointAge, s_checkpoints, s_perVolume, s_transfers, s_rate, s_slowRead])
            command.Add(option);
        command.SetAction(RunAsync);
        command.Add(Sweep());
        return command;
    }

    private static HostLoad Load(ParseResult parse)
    {
        int AtLeastOne(Option<int> option) => parse.GetRequiredValue(option) is var value and > 0 ? value
            : throw new CommandFailedException(ExitCodes.Failed, $"{option.Name} must be 1 or more.");
        return new HostLoad
        {
            Checkpoints = AtLeastOne(s_checkpoints),
            PerVolume = AtLeastOne(s_perVolume),
            Transfers = AtLeastOne(s_transfers),
            BytesPerSecond = parse.GetValue(s_rate),
            SlowRead = TimeSpan.FromMilliseconds(AtLeastOne(s_slowRead)),
        };
    }

    private static Command Sweep()
    {
        var host = new Argument<string>("HOST") { Description = "Name of the host, as it joined." };
        var command = new Command("sweep", "Have a host's client clear what earlier runs of ours left, and tell of what is not ours; that is never touched.") { host };
        ServerOptions.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var report = await api.Post<SweepReport>($"hosts/{Uri.EscapeDataString(parsed.GetRequiredValue(host))}/sweep", null, cancel);
            if (Results.IsJson(parsed))
            {
                Terminal.Json(report);
                return ExitCodes.Ok;
            }
            foreach (var sentence in report.Cleared) Console.Out.WriteLine(sentence);
            foreach (var sentence in report.Foreign) Console.Out.WriteLine("left alone: " + sentence);
            if (report.Cleared.Count + report.Foreign.Count == 0) Terminal.Note("Nothing was left.");
            return ExitCodes.Ok;
        });
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
        options = options with { Load = Load(parse) };
        var role = new ClientRole(options, identity, TimeProvider.System, Ids.New, log);
        await role.RunAsync(ProductVersion.Text, () => RoleJoin.WriteEndpoints(options.Data, new { name = identity.Self.Name }), cancel);
        return ExitCodes.Ok;
    }
}
