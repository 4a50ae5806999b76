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
            return Results.List(parsed, hosts, ["host", "connected", "version", ">VMs", "key domain", Column.Whole("last seen")], h =>
                [h.Name, h.Connected ? "yes" : "no", h.Version, h.VmCount.ToString(), h.KeyDomain, Results.At(h.LastSeen)]);
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

    private static int Print(ParseResult parsed, HostView host)
    {
        var code = Results.Show(parsed, host,
            ("host", host.Name), ("host's own name", host.Inventory?.HostName), ("connected", host.Connected ? "yes" : "no"),
                ("version", host.Version),
            ("key domain", host.KeyDomain), ("last seen", Results.At(host.LastSeen)), ("looked at", Results.At(host.InventoryTaken)));
        return Results.IsJson(parsed) ? code
            : VmCommand.Print(parsed, [.. (host.Inventory?.Vms ?? []).Select(v => new VmView(host.Name, v, [], null))]);
    }
}
