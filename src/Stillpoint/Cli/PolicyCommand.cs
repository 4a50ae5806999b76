using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint policy</c>.</summary>
internal static class PolicyCommand
{
    public static Command Create() => ServerOptions.Noun(
        "policy", "What is protected, how and when.", List(), Show(), Edit(create: true), Edit(create: false), Delete(), Run());

    private static Argument<string> Name() => new("NAME") { Description = "Name of the policy." };

    private static string Path(string name) => $"policies/{Uri.EscapeDataString(name)}";

    private static Command List()
    {
        var command = new Command("list", "List the policies.");
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var policies = await api.List<PolicyView>("policies", cancel);
            return Results.List(parsed, policies, ["policy", "method", "storage unit", "VMs", "consistency", "schedules", Column.Whole("next run")], p =>
            [
                p.Policy.Name, Words.Of(p.Policy.Method), p.Policy.StorageUnit, Selection(p.Policy), Words.Of(p.Policy.Consistency),
                string.Join(", ", p.Policy.Schedules.Select(s => s.Name)), Results.At(p.Schedules.Min(s => s.NextRun)),
            ]);
        });
        return command;
    }

    private static Command Show()
    {
        var name = Name();
        var command = new Command("show", "Show a policy.") { name };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, await api.Get<PolicyView>(Path(parsed.GetRequiredValue(name)), cancel));
        });
        return command;
    }

    private static Command Edit(bool create)
    {
        var name = Name();
        var options = new PolicyOptions();
        var command = create
            ? new Command("create", "Create a policy.") { name }
            : new Command("edit", "Change a policy: what is not given stays.") { name };
        options.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var called = parsed.GetRequiredValue(name);
            if (create) return Print(parsed, await api.Post<PolicyView>("policies", options.Read(parsed, PolicyOptions.Default(called)), cancel));
            var old = await api.Get<PolicyView>(Path(called), cancel);
            return Print(parsed, await api.Put<PolicyView>(Path(called), options.Read(parsed, old.Policy), cancel));
        });
        return command;
    }

    private static Command Delete()
    {
        var name = Name();
        var command = new Command("delete", "Delete a policy; its jobs and images stay.") { name };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            await api.Delete(Path(parsed.GetRequiredValue(name)), cancel);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command Run()
    {
        var name = Name();
        var schedule = new Option<string?>("--schedule") { Description = "Its schedule; otherwise the first.", HelpName = "SCHEDULE" };
        var vm = new Option<string?>("--vm") { Description = "Only this VM of the policy: name or id.", HelpName = "VM" };
        var wait = new Option<bool>("--wait") { Description = "Wait for the end; the exit code is the outcome." };
        var command = new Command("run", "Back up now.") { name, schedule, vm, wait };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var body = new { schedule = parsed.GetValue(schedule), vm = parsed.GetValue(vm) };
            var jobs = await api.Post<Page<Job>>($"{Path(parsed.GetRequiredValue(name))}/runs", body, cancel);
            return parsed.GetValue(wait)
                ? await new JobWatcher(api, TimeProvider.System).Watch(parsed, jobs.Items, cancel)
                : JobCommand.Print(parsed, jobs.Items);
        });
        return command;
    }

    private static int Print(ParseResult parsed, PolicyView view)
    {
        var policy = view.Policy;
        var code = Results.Show(parsed, view,
            ("policy", policy.Name), ("method", Words.Of(policy.Method)), ("storage unit", policy.StorageUnit), ("VMs", Selection(policy)),
            ("block-level incremental", policy.BlockLevelIncremental ? "on" : "off"), ("consistency", Words.Of(policy.Consistency)),
            ("guest backup type", Words.Of(policy.GuestBackupType)), ("tracking audit", policy.TrackingAudit ? "on" : "off"),
            ("pass-through and shared disks", policy.OutsideDisks == OutsideDisks.Skip ? "left out" : "the VM is not backed up"),
            ("full read at least every", Counted.Of(policy.RescanDays, "day")));
        return Results.IsJson(parsed) ? code : ScheduleCommand.Print(parsed, view.Schedules);
    }

    private static string Selection(Policy policy) =>
        policy.Vms.Count == 0 ? "all" : string.Join(", ", policy.Vms.Select(v => v.Vm is null ? $"{v.Host}/*" : $"{v.Host}/{v.Vm}"));
}
