using System.CommandLine;
using Spectre.Console;
using Stillpoint.Model;

namespace Stillpoint.Cli;

/// <summary>
/// Shows jobs until they end: on a terminal a bar for each, otherwise a line for each phase that ends and for progress every ten seconds; all
/// on standard error. The result comes on standard output. A primary server that is restarted meanwhile is waited for.
/// </summary>
internal sealed class JobWatcher(ApiClient api, TimeProvider time)
{
    private const int WaitSeconds = 20;
    private static readonly TimeSpan s_outage = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_lineEvery = TimeSpan.FromSeconds(10);

    /// <returns>The exit code of the worst outcome.</returns>
    public async Task<int> Watch(ParseResult parsed, IReadOnlyList<Job> jobs, CancellationToken cancel)
    {
        IReadOnlyList<JobView> ended;
        try
        {
            ended = await Until(jobs, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new CommandFailedException(ExitCodes.Interrupted, "No longer watching; the jobs go on.", "stillpoint job watch|cancel JOB");
        }
        if (ended.Count == 1) JobCommand.Print(parsed, ended[0]);
        else if (Results.IsJson(parsed)) Terminal.Json(ended);
        else JobCommand.Print(parsed, [.. ended.Select(e => e.Job)]);
        var outcomes = ended.Select(e => e.Job.Outcome ?? JobOutcome.Failed).ToList();
        JobOutcome[] worstFirst = [JobOutcome.Failed, JobOutcome.Cancelled, JobOutcome.Partial, JobOutcome.Ok];
        return ExitCodes.Of(worstFirst.First(o => outcomes.Contains(o) || o == JobOutcome.Ok));
    }

    /// <summary>Shows the jobs until all have ended, and returns how.</summary>
    public async Task<IReadOnlyList<JobView>> Until(IReadOnlyList<Job> jobs, CancellationToken cancel) =>
        Console.IsErrorRedirected ? await Lines(jobs, cancel) : await Bars(jobs, cancel);

    private async Task<IReadOnlyList<JobView>> Bars(IReadOnlyList<Job> jobs, CancellationToken cancel)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await console.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new SpinnerColumn())
            .StartAsync(context => Task.WhenAll(jobs.Select(async job =>
            {
                var bar = context.AddTask(Markup.Escape(job.VmName), maxValue: 1);
                var view = await Follow(job, v =>
                {
                    bar.Description = Markup.Escape($"{v.Job.VmName}: {Says(v)}");
                    bar.Value = v.Progress is { BytesTotal: > 0 } p ? Math.Min(1, (double)p.BytesDone / p.BytesTotal) : 0;
                }, cancel);
                if (view.Job.Outcome is JobOutcome.Ok or JobOutcome.Partial) bar.Value = 1;
                bar.StopTask();
                return view;
            })));
    }

    private Task<JobView[]> Lines(IReadOnlyList<Job> jobs, CancellationToken cancel) => Task.WhenAll(jobs.Select(job =>
    {
        HashSet<Phase> told = [];
        var lastLine = time.GetTimestamp();
        string? lastWait = null;
        return Follow(job, view =>
        {
            foreach (var phase in view.Phases.Where(p => p.Ended is not null && told.Add(p.Phase)))
            {
                var seconds = (phase.Ended!.Value - phase.Started).TotalSeconds;
                Terminal.Note($"{view.Job.VmName}: {Words.Of(phase.Phase)} {Words.Of(phase.Outcome)} in {seconds:0.0} s  {phase.Detail}");
            }
            if (view.Job.State == JobState.Waiting && view.Job.WaitsFor != lastWait)
                Terminal.Note($"{view.Job.VmName}: waits for {lastWait = view.Job.WaitsFor}");
            if (view.Progress is null || time.GetElapsedTime(lastLine) < s_lineEvery) return;
            lastLine = time.GetTimestamp();
            Terminal.Note($"{view.Job.VmName}: {ByteProgress.Describe(view.Progress)}");
        }, cancel);
    }));

    private async Task<JobView> Follow(Job job, Action<JobView> show, CancellationToken cancel)
    {
        long? lostAt = null;
        var question = $"jobs/{job.Id}";
        while (true)
        {
            try
            {
                var view = await api.Get<JobView>(question, cancel);
                lostAt = null;
                show(view);
                if (view.Job.State == JobState.Done) return view;
                question = $"jobs/{job.Id}?after={view.Revision}&wait={WaitSeconds}";
            }
            catch (TroubleException e) when (e.Trouble.Retry)
            {
                lostAt ??= time.GetTimestamp();
                if (time.GetElapsedTime(lostAt.Value) > s_outage) throw;
                await Task.Delay(TimeSpan.FromSeconds(1), time, cancel);
            }
        }
    }

    private static string Says(JobView view) => view.Job.State switch
    {
        JobState.Waiting => $"waits for {view.Job.WaitsFor}",
        JobState.Done => Results.State(view.Job),
        JobState.Active when view.Progress is { } progress => ByteProgress.Describe(progress),
        JobState.Active => view.Phases is [.., var phase] ? Words.Of(phase.Phase) : "active",
        var state => Words.Of(state),
    };
}
