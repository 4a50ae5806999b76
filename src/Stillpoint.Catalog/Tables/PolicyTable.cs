using Microsoft.EntityFrameworkCore;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>Policies and their schedules.</summary>
public sealed class PolicyTable
{
    private readonly CatalogFile _file;

    internal PolicyTable(CatalogFile file) => _file = file;

    /// <summary>All policies by name, each with the last run of its schedules.</summary>
    public Task<IReadOnlyList<PolicyRhythm>> List() => _file.Read<IReadOnlyList<PolicyRhythm>>(async db =>
        [.. (await db.Policies.Include(p => p.Schedules).OrderBy(p => p.Name).ToListAsync()).Select(ToNoun)]);

    /// <summary>One policy; null where there is none of that name.</summary>
    public Task<PolicyRhythm?> Find(string name) => _file.Read(async db =>
        await db.Policies.Include(p => p.Schedules).FirstOrDefaultAsync(p => p.Name == name) is { } row ? ToNoun(row) : null);

    /// <summary>Creates a policy.</summary>
    /// <returns>False when the name is taken.</returns>
    public Task<bool> Create(Policy policy, DateTimeOffset now) => _file.Write(async db =>
    {
        if (await db.Policies.AnyAsync(p => p.Name == policy.Name)) return false;
        db.Policies.Add(ToRow(policy, now));
        return true;
    });

    /// <summary>Replaces a policy. A schedule that keeps its name keeps its last run; the rhythm begins anew where schedules changed.</summary>
    /// <returns>False when there is none of that name.</returns>
    public Task<bool> Replace(Policy policy, DateTimeOffset now) => _file.Write(async db =>
    {
        var old = await db.Policies.Include(p => p.Schedules).FirstOrDefaultAsync(p => p.Name == policy.Name);
        if (old is null) return false;
        var same = ToNoun(old).Policy.Schedules.SequenceEqual(policy.Schedules);
        var row = ToRow(policy, same ? old.Changed : now);
        foreach (var schedule in row.Schedules) schedule.LastRun = old.Schedules.Find(s => s.Name == schedule.Name)?.LastRun;
        await db.Policies.Where(p => p.Name == policy.Name).ExecuteDeleteAsync();
        db.Policies.Add(row);
        return true;
    });

    /// <summary>Deletes a policy; its jobs and images stay.</summary>
    /// <returns>False when there is none of that name.</returns>
    public Task<bool> Delete(string name) => _file.Write(async db => await db.Policies.Where(p => p.Name == name).ExecuteDeleteAsync() == 1);

    private static PolicyRow ToRow(Policy policy, DateTimeOffset changed) => new()
    {
        Name = policy.Name,
        Method = policy.Method,
        StorageUnit = policy.StorageUnit,
        Vms = policy.Vms,
        BlockLevelIncremental = policy.BlockLevelIncremental,
        Consistency = policy.Consistency,
        GuestBackupType = policy.GuestBackupType,
        TrackingAudit = policy.TrackingAudit,
        RescanDays = policy.RescanDays,
        OutsideDisks = policy.OutsideDisks,
        Changed = changed,
        Schedules = [.. policy.Schedules.Select((s, i) => new ScheduleRow
        {
            PolicyName = policy.Name,
            Name = s.Name,
            Position = i,
            Type = s.Type,
            Every = s.Every,
            KeepDays = s.Retention.Days,
            KeepLast = s.Retention.KeepLast,
        })],
    };

    private static PolicyRhythm ToNoun(PolicyRow row)
    {
        var schedules = row.Schedules.OrderBy(s => s.Position).ToList();
        var policy = new Policy(
            row.Name, row.Method, row.StorageUnit, row.Vms, row.BlockLevelIncremental, row.Consistency, row.GuestBackupType,
            [.. schedules.Select(s => new Schedule(s.Name, s.Type, s.Every, new Retention(s.KeepDays, s.KeepLast)))],
            row.TrackingAudit, row.RescanDays, row.OutsideDisks);
        return new PolicyRhythm(policy, row.Changed,
            [.. schedules.Where(s => s.LastRun is not null).Select(s => new ScheduleRun(s.Name, s.LastRun!.Value))]);
    }
}
