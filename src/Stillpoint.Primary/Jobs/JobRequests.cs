using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>What people and the scheduler ask of jobs: run, restore, cancel, try again.</summary>
internal sealed class JobRequests(
    CatalogStore catalog, Connections connections, VmSelector selector, JobDispatcher dispatcher, JobWatch watch, Errands errands, PrimaryOptions options,
    ILogger<JobRequests> log)
{
    /// <summary>Queues one backup for each VM that the policy selects, or for one of them.</summary>
    /// <param name="policyName">The policy.</param>
    /// <param name="scheduleName">Its schedule; null for its first.</param>
    /// <param name="vm">Name or id of one VM; null for all.</param>
    /// <param name="by">Who asks.</param>
    /// <exception cref="Refusal">Policy, schedule or VM are not there, or nothing is selected.</exception>
    public async Task<IReadOnlyList<Job>> Run(string policyName, string? scheduleName, string? vm, string by)
    {
        var policy = (await catalog.Policies.Find(policyName) ?? throw Refusal.NotFound("policy", policyName)).Policy;
        var schedule = scheduleName is null ? policy.Schedules[0]
            : policy.Schedules.FirstOrDefault(s => s.Name == scheduleName) ?? throw Refusal.NotFound("schedule", scheduleName);
        var selected = await selector.Select(policy, vm, mayAsk: true);
        if (selected.Missing.Count > 0 && selected.Vms.Count == 0)
        {
            throw Refusal.Conflict($"policy {policyName}", string.Join(' ', selected.Missing),
                "Look at the names in the policy, and at the hosts: stillpoint vm list, stillpoint host test HOST.");
        }
        if (selected.Vms.Count == 0)
        {
            throw Refusal.Conflict($"policy {policyName}", vm is null ? "It selects no VM." : $"It selects no VM '{vm}'.",
                "Look what the hosts hold: stillpoint vm list.");
        }
        return await Queue(policy, schedule, selected, [schedule.Name], by);
    }

    /// <summary>Queues what the scheduler found due. VMs whose backup by this policy has not ended yet are left out; VMs that the policy names and
    /// that no host has get a job that ends as failed, so that their absence is seen.</summary>
    public async Task RunDue(DueRun due)
    {
        var selected = await selector.Select(due.Policy, vm: null, mayAsk: true);
        var open = (await catalog.Jobs.Open()).Where(j => j.Policy == due.Policy.Name).Select(j => (j.Host, j.VmId)).ToHashSet();
        var free = selected with { Vms = [.. selected.Vms.Where(v => !open.Contains((v.Host, v.Vm.Id)))] };
        if (due.Missed > 0) log.LogWarning("policy {Policy}: {Missed} due times of {Schedule} passed without a run", due.Policy.Name, due.Missed, due.Schedule.Name);
        foreach (var missing in selected.Missing) log.LogWarning("policy {Policy}: {Missing}", due.Policy.Name, missing);
        await Queue(due.Policy, due.Schedule, free, due.Answered, "scheduler");
    }

    /// <summary>Queues a restore.</summary>
    /// <exception cref="Refusal">The host is not there or may not read the image.</exception>
    public async Task<Job> Restore(JobKind kind, ImageRecord image, string host, RestoreRequest what, string by)
    {
        if (await catalog.Hosts.Find(host) is not { } target) throw Refusal.NotFound("host", host);
        var job = new Job
        {
            Id = options.NewId(),
            Kind = kind,
            Host = target.Name,
            VmId = image.VmId,
            VmName = image.Vm,
            StorageUnit = image.StorageUnit,
            ImageId = image.Id,
            Restore = what,
            RequestedBy = by,
            Created = options.Time.GetUtcNow(),
        };
        return (await Add([job], run: null))[0];
    }

    /// <summary>Stops a job: at once where it has not begun, otherwise when its client has let go.</summary>
    public async Task<Job> Cancel(Guid id)
    {
        var now = options.Time.GetUtcNow();
        var changed = await catalog.Jobs.Change(id, job => job.State switch
        {
            JobState.Queued or JobState.Waiting or JobState.Suspended =>
                job with { State = JobState.Done, Outcome = JobOutcome.Cancelled, Ended = now, WaitsFor = null },
            JobState.Active => job with { CancelRequested = true },
            _ => null,
        });
        if (changed is null)
        {
            if (await catalog.Jobs.Find(id) is null) throw Refusal.NotFound("job", id.ToString());
            throw Refusal.Conflict($"job {id}", "It has ended already.", "Nothing needs to be done.");
        }
        if (changed.State == JobState.Done) watch.End(id);
        else
        {
            watch.Touch(id);
            if (connections.Client(changed.Host) is { } client) errands.Run($"cancel of job {id}", stop => TellCancel(client, id, stop));
        }
        dispatcher.Wake();
        return changed;
    }

    /// <summary>Queues the same work again as a new job.</summary>
    public async Task<Job> Retry(Guid id, string by)
    {
        var old = await catalog.Jobs.Find(id) ?? throw Refusal.NotFound("job", id.ToString());
        if (old.State != JobState.Done || old.Outcome == JobOutcome.Ok)
            throw Refusal.Conflict($"job {id}", "Only a job that ended without success is tried again.", "Run the policy instead.");
        var job = new Job
        {
            Id = options.NewId(),
            Kind = old.Kind,
            Policy = old.Policy,
            Schedule = old.Schedule,
            Type = old.Type,
            Host = old.Host,
            VmId = old.VmId,
            VmName = old.VmName,
            StorageUnit = old.StorageUnit,
            ImageId = old.Kind == JobKind.Backup ? null : old.ImageId,
            Restore = old.Restore,
            RetryOf = old.Id,
            RequestedBy = by,
            Created = options.Time.GetUtcNow(),
        };
        return (await Add([job], run: null))[0];
    }

    private async Task<IReadOnlyList<Job>> Queue(Policy policy, Schedule schedule, SelectedVms selected, IReadOnlyList<string> answered, string by)
    {
        var now = options.Time.GetUtcNow();
        List<Job> jobs = [.. selected.Vms.Select(v => new Job
        {
            Id = options.NewId(),
            Kind = JobKind.Backup,
            Policy = policy.Name,
            Schedule = schedule.Name,
            Type = schedule.Type,
            Host = v.Host,
            VmId = v.Vm.Id,
            VmName = v.Vm.Name,
            StorageUnit = policy.StorageUnit,
            RequestedBy = by,
            Created = now,
        })];
        jobs.AddRange(selected.Absent.Select(absent => new Job
        {
            Id = options.NewId(),
            Kind = JobKind.Backup,
            State = JobState.Done,
            Outcome = JobOutcome.Failed,
            Policy = policy.Name,
            Schedule = schedule.Name,
            Type = schedule.Type,
            Host = absent.Host,
            VmId = Guid.Empty,
            VmName = absent.Vm ?? "",
            StorageUnit = policy.StorageUnit,
            RequestedBy = by,
            Created = now,
            Ended = now,
            Trouble = new Trouble(Phase.Start, $"VM {absent.Vm} on host {absent.Host}", "The policy names it, the host does not have it.",
                "Mend the policy, or look at the host: stillpoint host test."),
        }));
        return await Add(jobs, new PolicyRun(policy.Name, answered, now));
    }

    private async Task<IReadOnlyList<Job>> Add(IReadOnlyList<Job> jobs, PolicyRun? run)
    {
        await catalog.Jobs.Add(jobs, run);
        Kill.Reach(KillPoint.JobQueued);
        dispatcher.Wake();
        return jobs;
    }

    private async Task TellCancel(Connection client, Guid id, CancellationToken stop)
    {
        try
        {
            await connections.Tell(client, calls => calls.Cancel(id), stop);
        }
        catch (Exception e) when (e is Refusal or TroubleException)
        {
            // It is asked again when the client connects anew.
            log.LogWarning("cancel of job {Job} on {Client}: {Message}", id, client.Name, e.Message);
        }
    }
}
