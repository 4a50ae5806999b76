using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint vm</c>.</summary>
internal static class VmCommand
{
    public static Command Create() => ServerOptions.Noun("vm", "Virtual machines.", List(), Show(), Preflight());

    internal static Option<string?> HostOption(string description) => new("--host") { Description = description, HelpName = "HOST" };

    private static Command List()
    {
        var host = HostOption("Only VMs of this host.");
        var list = new Command("list", "List the VMs of the hosts as they were last seen.") { host };
        list.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var filter = parsed.GetValue(host) is { } name ? $"?host={Uri.EscapeDataString(name)}" : "";
            return Print(parsed, await api.List<VmView>("vms" + filter, cancel));
        });
        return list;
    }

    private static Command Show()
    {
        var (vm, host) = (Reference(), HostOption("The VM's host, where several have one of that name."));
        var show = new Command("show", "Show a VM: its disks, adapters and checkpoints, and what a backup can hold of it.") { vm, host };
        show.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, await api.Get<VmView>(Path(parsed, vm, host), cancel));
        });
        return show;
    }

    private static Command Preflight()
    {
        var (vm, host) = (Reference(), HostOption("The VM's host, where several have one of that name."));
        var policy = new Option<string?>("--policy") { Description = "By the rules of this policy; otherwise of the first that selects the VM.", HelpName = "NAME" };
        var command = new Command("preflight", "Look at a VM as before a backup; nothing is changed.") { vm, host, policy };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var path = Path(parsed, vm, host, "/preflight");
            if (parsed.GetValue(policy) is { } name) path += (path.Contains('?') ? '&' : '?') + $"policy={Uri.EscapeDataString(name)}";
            return Print(parsed, await api.Post<PreflightReport>(path, null, cancel));
        });
        return command;
    }

    private static int Print(ParseResult parsed, PreflightReport report)
    {
        if (Results.IsJson(parsed)) Terminal.Json(report);
        else if (report.Findings.Count == 0) Terminal.Note("Nothing is in the way of a backup.");
        else PrintFindings(parsed, report.Findings);
        return report.Findings.Any(f => f.Level == FindingLevel.Refusal) ? ExitCodes.Failed : ExitCodes.Ok;
    }

    /// <summary>Findings as a table.</summary>
    internal static void PrintFindings(ParseResult parsed, IReadOnlyList<Finding> findings) => Results.List(
        parsed, findings, [Column.Whole("finding"), new("about"), new("why"), new("what to do")], f => [Words.Of(f.Level), f.What, f.Why, f.Mend]);

    internal static Argument<string> Reference() => new("VM") { Description = "Its name or id." };

    internal static string Path(ParseResult parsed, Argument<string> vm, Option<string?> host, string verb = "") =>
        $"vms/{Uri.EscapeDataString(parsed.GetRequiredValue(vm))}{verb}"
        + (parsed.GetValue(host) is { } name ? $"?host={Uri.EscapeDataString(name)}" : "");

    public static int Print(ParseResult parsed, IReadOnlyList<VmView> vms) => Results.List(
        parsed, vms,
        [
            new("VM"), new("host"), new("state"), Column.Number("generation") with { Drop = 2 }, new("version") { Drop = 1 },
            Column.Number("disks") with { Drop = 4 }, Column.Number("size"), new("backup reads") { Drop = 3 }, new("policies"),
            Column.Whole("newest image"), Column.Whole("id") with { Drop = 5 },
        ], v =>
        [
            v.Vm.Name, v.Host, v.Vm.State, v.Vm.Generation.ToString(), v.Vm.ConfigurationVersion, v.Vm.Disks.Count.ToString(),
            v.Vm.Disks.Any(d => d.Size > 0) ? Bytes.Format(v.Vm.Disks.Sum(d => d.Size)) : null, Say(v.Vm.Backup),
            string.Join(", ", v.Policies), Results.At(v.LastImage), v.Vm.Id.ToString(),
        ]);

    private static int Print(ParseResult parsed, VmView view)
    {
        var vm = view.Vm;
        Results.Show(parsed, view,
            ("VM", vm.Name), ("id", vm.Id.ToString()), ("host", view.Host), ("state", vm.State), ("generation", vm.Generation.ToString()),
            ("configuration version", vm.ConfigurationVersion),
            ("replication", vm.Replication == ReplicationRole.None ? null : Words.Of(vm.Replication)),
            ("policies", view.Policies.Count > 0 ? string.Join(", ", view.Policies) : null), ("newest image", Results.At(view.LastImage)),
            ("a backup reads", Say(vm.Backup)), ("because", vm.Why.Count > 0 ? string.Join('\n', vm.Why) : null));
        if (Results.IsJson(parsed)) return ExitCodes.Ok;
        Results.List(parsed, vm.Disks, [Column.Whole("place"), new("disk"), new("kind"), Column.Number("size"), new("backup reads"), new("file") { Drop = 1 }], d =>
        [
            d.Place, d.Path[(d.Path.LastIndexOf('\\') + 1)..], Words.Of(d.Kind) + (d.Shared ? ", shared" : ""), d.Size > 0 ? Bytes.Format(d.Size) : null,
            d.Backup switch { DiskReach.Changes => "changes", DiskReach.Whole => "all of it", _ => "nothing" }, d.Path,
        ]);
        if (vm.Adapters.Count > 0) Results.List(parsed, vm.Adapters, [new("network adapter"), new("switch")], a => [a.Id, a.Switch]);
        if (vm.Checkpoints.Count > 0)
            Results.List(parsed, vm.Checkpoints, [new("checkpoint"), new("kind"), Column.Whole("taken")], c => [c.Name, c.Kind, Results.At(c.Created)]);
        return ExitCodes.Ok;
    }

    private static string Say(BackupReach reach) => reach switch
    {
        BackupReach.Changes => "what changed",
        BackupReach.Whole => "whole disks",
        BackupReach.Partial => "some disks",
        _ => "nothing",
    };
}
