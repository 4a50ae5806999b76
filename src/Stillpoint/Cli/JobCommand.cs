using System.CommandLine;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary><c>stillpoint job</c>.</summary>
internal static class JobCommand
{
    public static Command Create() => ServerOptions.Noun("job", "Backups and restores, running and done.",
        List(), Show(), Watch(), Cancel(), Retry(), Log());

    private static Argument<string> Id() => new("JOB") { Description = "Its id, or the beginning of it." };

    private static string Path(ParseResult parsed, Argument<string> id) => $"jobs/{Uri.EscapeDataString(parsed.GetRequiredValue(id))}";

    private static Command List()
    {
        var state = new Option<string?>("--state") { Description = "Only jobs that stand so.", HelpName = "queued|waiting|active|suspended|done" };
        var policy = new Option<string?>("--policy") { Description = "Only jobs of this policy.", HelpName = "NAME" };
        var vm = new Option<string?>("--vm") { Description = "Only jobs of this VM: name or id.", HelpName = "VM" };
        var limit = new Option<int>("--limit") { Description = "At most so many, newest first.", HelpName = "NUMBER", DefaultValueFactory = _ => 50 };
        var command = new Command("list", "List jobs, newest first.") { state, policy, vm, limit };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var query = string.Join('&', from pair in new (string Name, string? Value)[]
                { ("state", parsed.GetValue(state)), ("policy", parsed.GetValue(policy)), ("vm", parsed.GetValue(vm)) }
                                         where pair.Value is not null
                                         select $"{pair.Name}={Uri.EscapeDataString(pair.Value)}");
            return Print(parsed, await api.List<Job>($"jobs?{query}", cancel, Math.Max(1, parsed.GetValue(limit))));
        });
        return command;
    }

    private static Command Show()
    {
        var id = Id();
        var command = new Command("show", "Show a job with its phases.") { id };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, await api.Get<JobView>(Path(parsed, id), cancel));
        });
        return command;
    }

    private static Command Watch()
    {
        var id = Id();
        var command = new Command("watch", "Show a job's progress until it ends; the exit code is its outcome.") { id };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var view = await api.Get<JobView>(Path(parsed, id), cancel);
            return await new JobWatcher(api, TimeProvider.System).Watch(parsed, [view.Job], cancel);
        });
        return command;
    }

    private static Command Cancel()
    {
        var id = Id();
        var command = new Command("cancel", "Stop a job.") { id };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            return Print(parsed, [await api.Post<Job>(Path(parsed, id) + "/cancel", null, cancel)]);
        });
        return command;
    }

    private static Command Retry()
    {
        var id = Id();
        var wait = new Option<bool>("--wait") { Description = "Wait for the end; the exit code is the outcome." };
        var command = new Command("retry", "Do the work of a job that failed again, as a new job.") { id, wait };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var job = await api.Post<Job>(Path(parsed, id) + "/retry", null, cancel);
            return parsed.GetValue(wait) ? await new JobWatcher(api, TimeProvider.System).Watch(parsed, [job], cancel) : Print(parsed, [job]);
        });
        return command;
    }

    private static Command Log()
    {
        var id = Id();
        var command = new Command("log", "Print a job's log.") { id };
        command.SetAction(async (parsed, cancel) =>
        {
            using var api = ServerOptions.Connect(parsed);
            var lines = await api.List<JobLogLine>(Path(parsed, id) + "/log", cancel);
            if (Results.IsJson(parsed)) Terminal.Json(lines);
            else if (lines.Count == 0) Terminal.Note("The job's log is empty.");
            else foreach (var line in lines) Console.Out.WriteLine($"{Results.At(line.At)} {line.Line}");
            return ExitCodes.Ok;
        });
        return command;
    }

    public static int Print(ParseResult parsed, IReadOnlyList<Job> jobs) => Results.List(
        parsed, jobs,
        [
            Column.Whole("job"), new("kind"), new("VM"), new("host") { Drop = 2 }, new("policy") { Drop = 1 }, new("type") { Short = ShortType.Of, Drop = 3 },
            new("state"), Column.Whole("created"), new("detail"),
        ], j =>
        [
            ShortId.Of(j.Id), Words.Of(j.Kind), j.VmName, j.Host, j.Policy, j.Type is { } type ? Words.Of(type) : null, Results.State(j),
            Results.At(j.Created), j.Trouble?.ToString()
                ?? (j.WaitsFor is { } missing ? $"waits for {missing}" : j.CancelRequested ? "is being cancelled" : j.Warnings.Count > 0 ? j.Warnings[0] : ""),
        ]);

    public static int Print(ParseResult parsed, JobView view)
    {
        var job = view.Job;
        Results.Show(parsed, view,
            ("job", job.Id.ToString()), ("kind", Words.Of(job.Kind)), ("VM", $"{job.VmName} on {job.Host}"),
                ("policy", job.Policy), ("schedule", job.Schedule),
            ("type", job.Type is { } type ? Words.Of(type) : null), ("state", Results.State(job)), ("waits for", job.WaitsFor),
                ("image", job.ImageId?.ToString()),
            ("asked by", job.RequestedBy), ("created", Results.At(job.Created)), ("started", Results.At(job.Started)),
                ("ended", Results.At(job.Ended)),
            ("progress", view.Progress is { } progress ? ByteProgress.Describe(progress) : null),
            ("restored VM", job.RestoredVmId?.ToString()),
                ("restored files", job.RestoredFiles.Count > 0 ? string.Join('\n', job.RestoredFiles) : null),
            ("warnings", job.Warnings.Count > 0 ? string.Join('\n', job.Warnings) : null), ("trouble", job.Trouble?.ToString()));
        if (!Results.IsJson(parsed))
        {
            if (job.Findings.Count > 0) VmCommand.PrintFindings(parsed, job.Findings);
            Results.List(parsed, view.Phases, [new("phase"), Column.Whole("started"), Column.Whole("ended"), new("outcome"), new("detail")], p =>
                [Words.Of(p.Phase), Results.At(p.Started), Results.At(p.Ended), Words.Of(p.Outcome), p.Detail]);
        }
        return ExitCodes.Ok;
    }
}
