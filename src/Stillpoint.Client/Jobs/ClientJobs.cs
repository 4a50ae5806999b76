using Microsoft.Extensions.Logging;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Client;

/// <summary>Takes over orders, runs each as a job of its own, and sees that its outcome reaches the primary.</summary>
internal sealed partial class ClientJobs(ClientServices services, Outbox outbox, RunningJobs running, ILogger log) : IClientCalls
{
    /// <inheritdoc/>
    public Task RunBackup(BackupOrder order) => StartAsync(order.JobId, async (line, cancel) =>
    {
        if (order.Method != BackupMethod.Wmi)
        {
            throw new TroubleException(
                "this client", $"it cannot back up by the {Words.Of(order.Method)} method yet.", "Set the policy's method to wmi.");
        }
        var image = await new BackupRun(services, order, line).RunAsync(cancel);
        return Report(line, image: image);
    });

    /// <inheritdoc/>
    public Task RunRestoreVm(RestoreVmOrder order) => StartAsync(order.JobId, async (line, cancel) =>
    {
        var restored = await new RestoreVmRun(services, order, line).RunAsync(cancel);
        return Report(line, vm: restored.VmId, files: restored.DiskPaths);
    });

    /// <inheritdoc/>
    public Task RunRestoreDisk(RestoreDiskOrder order) => StartAsync(order.JobId, async (line, cancel) =>
    {
        await new RestoreDiskRun(services, order, line).RunAsync(cancel);
        return Report(line, files: [order.Target]);
    });

    /// <inheritdoc/>
    public Task RunRollback(RollbackOrder order) => StartAsync(order.JobId, async (line, cancel) =>
        Report(line, vm: order.VmId, files: await new RollbackRun(services, order, line).RunAsync(cancel)));

    /// <inheritdoc/>
    public Task Cancel(Guid jobId) => running.CancelAsync(jobId);

    /// <inheritdoc/>
    public Task<HostInventory> TakeInventory() => new InventoryRun(services.Host, services.Files).RunAsync(CancellationToken.None);

    /// <inheritdoc/>
    public Task<SweepReport> Sweep(IReadOnlyList<Intent> known) => services.Sweep.RunAsync(known, CancellationToken.None);

    /// <inheritdoc/>
    public async Task<PreflightReport> Preflight(PreflightOrder order)
    {
        var result = await new Preflight(services).LookAsync(order, CancellationToken.None);
        return new PreflightReport(result.Vm is { } vm ? new InventoryRun(services.Host, services.Files).Tell(vm) : null, result.Findings);
    }

    private Task StartAsync(Guid jobId, Func<JobLine, CancellationToken, Task<JobReport>> run)
    {
        // An order that comes twice, because its answer was lost, is taken over once.
        if (running.TryStart(jobId, out var cancel)) _ = Task.Run(() => RunAsync(jobId, run, cancel));
        return Task.CompletedTask;
    }

    private async Task RunAsync(Guid jobId, Func<JobLine, CancellationToken, Task<JobReport>> run, CancellationToken cancel)
    {
        LogStarted(log, jobId);
        var line = new JobLine(jobId, services.Primary, services.Time);
        JobReport report;
        try
        {
            report = await run(line, cancel);
        }
        catch (Exception failure)
        {
            report = await FailedAsync(line, failure, cancel.IsCancellationRequested);
        }
        outbox.Keep(report);
        Kill.Reach(KillPoint.ReportKept);
        running.End(jobId);
        LogEnded(log, jobId, Words.Of(report.Outcome));
        await outbox.SendAllAsync(services.Primary);
    }

    private async Task<JobReport> FailedAsync(JobLine line, Exception failure, bool cancelled)
    {
        var phase = line.Phases.Count > 0 ? line.Current : Phase.Start;
        var trouble = failure switch
        {
            TroubleException known => known.In(phase).Trouble,
            OperationCanceledException when running.IsStopping => new Trouble(
                phase, "the client", "it was stopped while the job ran.", "Run the job again when the client is back.", Retry: true),
            OperationCanceledException when cancelled => new Trouble(phase, "this job", "it was cancelled.", "Run it again when it suits.", Retry: true),
            _ => new Trouble(phase, "the client", $"{failure.GetType().Name}: {failure.Message}", "Look at the client's log and report it.", Retry: true),
        };
        LogFailed(log, line.JobId, trouble.ToString());
        if (failure is not TroubleException && !cancelled) LogUnexpected(log, line.JobId, failure);
        if (line.Phases.Count > 0) await line.EndAsync(PhaseOutcome.Failed, $"{trouble.Culprit}: {trouble.Message}");
        var outcome = cancelled && failure is OperationCanceledException ? JobOutcome.Cancelled : JobOutcome.Failed;
        return new JobReport(line.JobId, outcome, line.Phases, null, null, [], line.Warnings, trouble) { Findings = line.Findings };
    }

    private static JobReport Report(JobLine line, ImageSummary? image = null, Guid? vm = null, IReadOnlyList<string>? files = null) => new(
        line.JobId,
        line.Phases.Any(p => p is { Outcome: PhaseOutcome.Warning, Phase: Phase.Release or Phase.Merge or Phase.Finish }) ? JobOutcome.Partial : JobOutcome.Ok,
        line.Phases,
        image,
        vm,
        files ?? [],
        line.Warnings,
        null) { Findings = line.Findings };

    [LoggerMessage(1004, LogLevel.Information, "Job {JobId} started.")]
    private static partial void LogStarted(ILogger log, Guid jobId);

    [LoggerMessage(1005, LogLevel.Information, "Job {JobId} ended: {Outcome}.")]
    private static partial void LogEnded(ILogger log, Guid jobId, string outcome);

    [LoggerMessage(1006, LogLevel.Warning, "Job {JobId}: {Trouble}")]
    private static partial void LogFailed(ILogger log, Guid jobId, string trouble);

    [LoggerMessage(1001, LogLevel.Error, "Job {JobId} failed unexpectedly.")]
    private static partial void LogUnexpected(ILogger log, Guid jobId, Exception failure);
}
