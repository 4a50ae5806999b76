using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint vm</c>.</summary>
internal static class VmCommand
{
    public static Command Create()
    {
        var host = new Option<string?>("--host") { Description = "Only VMs of this host.", HelpName = "HOST" };
        var list = new Command("list", "List the VMs of the hosts as they were last seen.") { host };
        list.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var filter = parsed.GetValue(host) is { } name ? $"?host={Uri.EscapeDataString(name)}" : "";
            return Print(parsed, await api.List<VmView>("vms" + filter, cancel));
        });
        return ServerOptions.Noun("vm", "Virtual machines.", list);
    }

    public static int Print(ParseResult parsed, IReadOnlyList<VmView> vms) => Results.List(
        parsed, vms,
        [
            new("VM"), new("host"), new("state"), Column.Number("generation") with { Drop = 2 }, new("version") { Drop = 1 },
            Column.Number("disks") with { Drop = 3 }, Column.Number("size"), new("policies"), Column.Whole("newest image"),
            Column.Whole("id") with { Drop = 4 },
        ], v =>
        [
            v.Vm.Name, v.Host, v.Vm.State, v.Vm.Generation.ToString(), v.Vm.ConfigurationVersion, v.Vm.Disks.Count.ToString(),
            v.Vm.Disks.Any(d => d.Size > 0) ? Bytes.Format(v.Vm.Disks.Sum(d => d.Size)) : null,
                string.Join(", ", v.Policies), Results.At(v.LastImage), v.Vm.Id.ToString(),
        ]);
}
