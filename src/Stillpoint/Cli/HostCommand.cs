using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint host</c>.</summary>
internal static class HostCommand
{
    public static Command Create() => ServerOptions.Noun("host", "Hyper-V hosts that have joined.", List(), Show(), Test());

    private static Command List()
    {
        var command = new Command("list", "List the hosts.");
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var hosts = await api.List<HostView>("hosts", cancel);
            return Results.List(parsed, hosts, ["host", "state", "version", ">VMs", new Column("key domain") { Drop = 1 }, Column.Whole("last seen"), "trouble"], h =>
                [h.Name, State(h), h.Version, h.VmCount.ToString(), h.KeyDomain, Results.At(h.LastSeen), h.Trouble?.Message]);
        });
        return command;
    }

    private static Command Show()
    {
        var name = new Argument<string>("HOST") { Description = "Name of the host." };
        var command = new Command("show", "Show a host and what it holds.") { name };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, await api.Get<HostView>($"hosts/{Uri.EscapeDataString(parsed.GetRequiredValue(name))}", cancel));
        });
        return command;
    }

    private static Command Test()
    {
        var name = new Argument<string>("HOST") { Description = "Name of the host." };
        var command = new Command("test", "Look at a host now: reaches it, and lists its VMs.") { name };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, await api.Post<HostView>($"hosts/{Uri.EscapeDataString(parsed.GetRequiredValue(name))}/test", null, cancel));
        });
        return command;
    }

    /// <summary>A client that is there and cannot reach its host protects nothing.</summary>
    private static string State(HostView host) => !host.Connected ? "not connected" : host.Trouble is null ? "ok" : "host out of reach";

    private static int Print(ParseResult parsed, HostView host)
    {
        var code = Results.Show(parsed, host,
            ("host", host.Name), ("host's own name", host.Inventory?.HostName), ("state", State(host)), ("trouble", host.Trouble?.ToString()), ("version", host.Version),
            ("key domain", host.KeyDomain), ("last seen", Results.At(host.LastSeen)), ("looked at", Results.At(host.InventoryTaken)));
        return Results.IsJson(parsed) ? code
            : VmCommand.Print(parsed, [.. (host.Inventory?.Vms ?? []).Select(v => new VmView(host.Name, v, [], null))]);
    }
}
