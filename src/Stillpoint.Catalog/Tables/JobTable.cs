using Microsoft.EntityFrameworkCore;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>Which jobs a list shows; a member that is null does not narrow it.</summary>
/// <param name="State">Where they stand.</param>
/// <param name="Policy">Of this policy.</param>
/// <param name="Vm">Of this VM: name or id.</param>
/// <param name="Host">Of this client.</param>
public sealed record JobFilter(JobState? State = null, string? Policy = null, string? Vm = null, string? Host = null);

/// <summary>Jobs, their phases and logs.</summary>
public sealed class JobTable
{
    /// <summary>Most lines that the log of one job keeps.</summary>
    public const int MostLogLines = 10_000;

    private const int LongestLine = 2_000;
    private readonly CatalogFile _file;
    private readonly TimeProvider _time;

    internal JobTable(CatalogFile file, TimeProvider time) => (_file, _time) = (file, time);

    /// <summary>Adds jobs; with <paramref name="run"/> it notes in the same act that the schedules ran, so that no crash runs them twice.</summary>
    public Task Add(IReadOnlyList<Job> jobs, PolicyRun? run = null) => _file.Write(async db =>
    {
        db.Jobs.AddRange(jobs);
        if (run is null) return;
        await db.Schedules.Where(s => s.PolicyName == run.Policy && run.Schedules.Contains(s.Name))
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.LastRun, run.At));
    });

    /// <summary>One job; null where there is none.</summary>
    public Task<Job?> Find(Guid id) => _file.Read(db => db.Jobs.FirstOrDefaultAsync(j => j.Id == id));

    /// <summary>Those of these jobs that there are.</summary>
    public Task<IReadOnlyDictionary<Guid, Job>> Find(IReadOnlyCollection<Guid> ids) => _file.Read<IReadOnlyDictionary<Guid, Job>>(async db =>
    {
        var jobs = new Dictionary<Guid, Job>();
        foreach (var some in ids.Distinct().Chunk(CatalogFile.IdsAtOnce))
            foreach (var job in await db.Jobs.Where(j => some.Contains(j.Id)).ToListAsync()) jobs.Add(job.Id, job);
        return jobs;
    });

    /// <summary>The jobs whose id begins so, at most two; <paramref name="prefix"/> holds hexadecimal digits and dashes only.</summary>
    public Task<IReadOnlyList<Job>> FindByPrefix(string prefix) => _file.Read<IReadOnlyList<Job>>(async db =>
        await db.Jobs.Where(j => EF.Functions.Like(j.Id.ToString(), prefix + "%")).Take(2).ToListAsync());

    /// <summary>All jobs that have not ended, oldest first.</summary>
    public Task<IReadOnlyList<Job>> Open() => _file.Read<IReadOnlyList<Job>>(async db =>
        await db.Jobs.Where(j => j.State != JobState.Done).OrderBy(j => j.Number).ToListAsync());

    /// <summary>Newest first.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="before">Only jobs with a smaller number.</param>
    public Task<IReadOnlyList<Job>> List(JobFilter filter, int limit, long before = long.MaxValue) => _file.Read<IReadOnlyList<Job>>(async db =>
    {
        var jobs = db.Jobs.Where(j => j.Number < before);
        if (filter.State is { } state) jobs = jobs.Where(j => j.State == state);
        if (filter.Policy is { } policy) jobs = jobs.Where(j => j.Policy == policy);
        if (filter.Host is { } host) jobs = jobs.Where(j => j.Host == host);
        if (filter.Vm is { } vm) jobs = Guid.TryParse(vm, out var id) ? jobs.Where(j => j.VmId == id) : jobs.Where(j => j.VmName == vm);
        return await jobs.OrderByDescending(j => j.Number).Take(limit).ToListAsync();
    });

    /// <summary>Changes one job: <paramref name="change"/> gets it as it is now and returns what it becomes, or null to leave it.</summary>
    /// <returns>The job as it became; null when it is not there or was left.</returns>
    public Task<Job?> Change(Guid id, Func<Job, Job?> change) => _file.Write(async db =>
    {
        if (await db.Jobs.FirstOrDefaultAsync(j => j.Id == id) is not { } job || change(job) is not { } changed) return null;
        db.Jobs.Update(changed);
        return changed;
    });

    /// <summary>Changes one job as <see cref="Change"/> does and writes, in the same act, its phases and the image that it made.</summary>
    /// <returns>The job as it became; null when it is not there or was left, and then nothing was written.</returns>
    public Task<Job?> Complete(Guid id, Func<Job, Job?> change, IReadOnlyList<PhaseRecord> phases, ImageRecord? image) => _file.Write(async db =>
    {
        if (await db.Jobs.FirstOrDefaultAsync(j => j.Id == id) is not { } job || change(job) is not { } changed) return null;
        db.Jobs.Update(changed);
        foreach (var phase in phases) await Put(db, id, phase);
        if (image is not null) await ImageTable.Put(db, image);
        return changed;
    });

    /// <summary>Notes a phase as it stands.</summary>
    public Task PutPhase(Guid jobId, PhaseRecord phase) => _file.Write(db => Put(db, jobId, phase));

    /// <summary>The phases of a job in the order in which they began.</summary>
    public Task<IReadOnlyList<PhaseRecord>> Phases(Guid jobId) => _file.Read<IReadOnlyList<PhaseRecord>>(async db =>
        [.. (await db.Phases.Where(p => p.JobId == jobId).OrderBy(p => p.Started).ToListAsync())
            .OrderBy(p => p.Started).ThenBy(p => p.Phase)
            .Select(p => new PhaseRecord(p.Phase, p.Started, p.Ended, p.Outcome, p.Detail))]);

    /// <summary>Forgets the phases of an earlier try.</summary>
    public Task ClearPhases(Guid jobId) => _file.Write(db => db.Phases.Where(p => p.JobId == jobId).ExecuteDeleteAsync());

    /// <summary>Adds a line to the job's log; long lines are cut, and past <see cref="MostLogLines"/> nothing more is kept.</summary>
    public Task AppendLog(Guid jobId, string line) => _file.Write(async db =>
    {
        if (await db.Log.CountAsync(l => l.JobId == jobId) >= MostLogLines) return;
        var kept = line.Length > LongestLine ? string.Concat(line.AsSpan(0, LongestLine), "…") : line;
        db.Log.Add(new LogRow { JobId = jobId, At = _time.GetUtcNow(), Line = kept });
    });

    /// <summary>Lines of the job's log, oldest first.</summary>
    public Task<IReadOnlyList<JobLogLine>> Log(Guid jobId, int limit, long after = 0) => _file.Read<IReadOnlyList<JobLogLine>>(async db =>
        await db.Log.Where(l => l.JobId == jobId && l.Number > after).OrderBy(l => l.Number).Take(limit)
            .Select(l => new JobLogLine(l.Number, l.At, l.Line)).ToListAsync());

    private static async Task Put(CatalogContext db, Guid jobId, PhaseRecord phase)
    {
        var row = new PhaseRow
        {
            JobId = jobId,
            Phase = phase.Phase,
            Started = phase.Started,
            Ended = phase.Ended,
            Outcome = phase.Outcome,
            Detail = phase.Detail.Length > LongestLine ? phase.Detail[..LongestLine] : phase.Detail,
        };
        if (await db.Phases.AnyAsync(p => p.JobId == jobId && p.Phase == phase.Phase)) db.Phases.Update(row);
        else db.Phases.Add(row);
    }
}

/// <summary>Schedules of a policy that ran, or were answered for, at a time.</summary>
/// <param name="Policy">Name of the policy.</param>
/// <param name="Schedules">Names of the schedules.</param>
/// <param name="At">When, UTC.</param>
public sealed record PolicyRun(string Policy, IReadOnlyList<string> Schedules, DateTimeOffset At);
