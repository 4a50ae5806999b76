using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using System.Security.Cryptography;
using Stillpoint.Lab;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint lab</c>: a simulated Hyper-V host, until it is told to stop.</summary>
internal static class LabCommand
{
    public static Command Create()
    {
        var data = new Option<string>("--data")
        {
            Description = "Folder of everything the lab keeps.", HelpName = "DIR", DefaultValueFactory = _ => "lab",
        };
        var listen = new Option<IPEndPoint>("--listen")
        {
            Description = "Where to listen for HTTPS; port 0 takes a free one.", HelpName = "HOST:PORT",
            DefaultValueFactory = _ => new IPEndPoint(IPAddress.Loopback, 5986), CustomParser = ParseEndpoint,
        };
        var http = new Option<IPEndPoint?>("--listen-http")
        {
            Description = "Where to listen for HTTP too, on which every message must be sealed (Negotiate, Kerberos).", HelpName = "HOST:PORT",
            CustomParser = ParseEndpoint,
        };
        var principals = new Option<string[]>("--kerberos")
        {
            Description = "A Kerberos principal that may log in, by the keytab that KRB5_KTNAME names. May be given several times.",
            HelpName = "NAME@REALM", DefaultValueFactory = _ => [],
        };
        var machines = new Option<UserMachine[]>("--vm")
        {
            Description = "A VM over disks of yours (VHDX, VHD or raw), which are never written. May be given several times; "
                + "then a new lab has these VMs only.",
            HelpName = "NAME=DISK[,DISK...]", CustomParser = ParseMachines, DefaultValueFactory = _ => [],
        };
        var scenario = new Option<FileInfo?>("--scenario")
        {
            Description = "JSON file that names the VMs of a new lab with their generation, version, disks and state (docs/LAB.md).", HelpName = "FILE",
        };
        var rate = SizeOption.Create("--write-rate", "What the guests write each second, over all running VMs: 200K, 4M.");
        var granule = SizeOption.Create("--granule", "What change tracking marks at a time, a power of two: 512, 64K, 1M.");
        granule.DefaultValueFactory = _ => 64 * 1024;
        granule.Validators.Add(result =>
        {
            var size = result.GetValueOrDefault<long>();
            if (size is < 512 or > 1 << 30 || !System.Numerics.BitOperations.IsPow2(size))
                result.AddError("--granule: a power of two from 512 to 1G is needed.");
        });
        var command = new Command("lab", "Runs a simulated Hyper-V host: WS-Management, checkpoints, change tracking, and guests that write.")
        {
            data, listen, http, principals, machines, scenario, rate, granule,
        };
        command.SetAction((result, cancel) => RunAsync(Under(Scenario(result.GetValue(scenario)), new LabOptions
        {
            DataFolder = result.GetRequiredValue(data),
            Listen = result.GetRequiredValue(listen),
            ListenHttp = result.GetValue(http),
            Accounts = [.. result.GetRequiredValue(principals).Select(p => new LabAccount(p, Password: null, AccountRights.Administrator))],
            Machines = result.GetRequiredValue(machines),
            WithFixtures = result.GetRequiredValue(machines).Length == 0 && result.GetValue(scenario) is null,
            WriteRate = result.GetValue(rate),
            Granule = result.GetValue(granule),
            NewId = Ids.New,
            Random = RandomNumberGenerator.Create(),
        }), result.GetValue(StillpointCommand.Output), cancel));
        return command;
    }

    private static async Task<int> RunAsync(LabOptions options, OutputFormat output, CancellationToken cancel)
    {
        await using var server = await StartAsync(options, cancel);
        var folder = server.DataFolder;
        if (output == OutputFormat.Json)
        {
            Terminal.Json(new
            {
                Address = server.Address, server.HttpAddress, server.Fingerprint, User = "Administrator", PasswordFile = Path.Combine(folder, "password"), server.PathMap,
            });
        }
        else
        {
            Console.Out.WriteLine($"lab          {server.Address}");
            if (server.HttpAddress is { } plain) Console.Out.WriteLine($"over HTTP    {plain}");
            Console.Out.WriteLine($"fingerprint  {Path.Combine(folder, "certificate.sha256")}");
            Console.Out.WriteLine($"user         Administrator");
            Console.Out.WriteLine($"password     {Path.Combine(folder, "password")}");
            Console.Out.WriteLine($"path map     --path-map '{server.PathMap}'");
        }
        try
        {
            await Task.Delay(Timeout.Infinite, cancel);
        }
        catch (OperationCanceledException)
        {
            // Being told to stop is how a lab ends.
        }
        return ExitCodes.Ok;
    }

    private static async Task<LabServer> StartAsync(LabOptions options, CancellationToken cancel)
    {
        try
        {
            return await LabServer.StartAsync(options, cancel);
        }
        catch (ArgumentException refused)
        {
            throw new CommandFailedException(ExitCodes.Failed, refused.Message);
        }
        catch (VirtualDisks.DiskFormatException broken)
        {
            throw new CommandFailedException(ExitCodes.Failed, broken.Message, "Check the disk with 'stillpoint disk check FILE'.");
        }
    }

    private static LabOptions Under(LabScenario? scenario, LabOptions options) => scenario is null ? options : options with
    {
        Machines = [.. options.Machines, .. scenario.Vms], HostVersion = scenario.HostVersion, Language = scenario.Language,
    };

    private static LabScenario? Scenario(FileInfo? file)
    {
        if (file is null) return null;
        try
        {
            return LabScenario.Read(file.FullName);
        }
        catch (ArgumentException wrong)
        {
            throw new CommandFailedException(ExitCodes.Failed, wrong.Message, "docs/LAB.md shows a scenario.");
        }
    }

    private static IPEndPoint? ParseEndpoint(ArgumentResult argument)
    {
        var text = argument.Tokens.Single().Value.Replace("localhost:", "127.0.0.1:", StringComparison.OrdinalIgnoreCase);
        if (text.Contains(':') && IPEndPoint.TryParse(text, out var endpoint)) return endpoint;
        argument.AddError($"'{text}' is no ADDRESS:PORT.");
        return null;
    }

    private static UserMachine[] ParseMachines(ArgumentResult argument)
    {
        var machines = new List<UserMachine>();
        foreach (var text in argument.Tokens.Select(t => t.Value))
        {
            var equals = text.IndexOf('=');
            var disks = equals > 0 ? text[(equals + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries) : [];
            if (disks.Length == 0) argument.AddError($"'{text}' is no NAME=DISK[,DISK...].");
            else machines.Add(new UserMachine(text[..equals], [.. disks.Select(d => new UserDisk(d))]));
        }
        return [.. machines];
    }
}
