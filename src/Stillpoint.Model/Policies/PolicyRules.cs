namespace Stillpoint.Model;

/// <summary>What is wrong with a policy, all at once.</summary>
public static class PolicyRules
{
    private const int MostVms = 10_000;
    private const int MostSchedules = 32;
    private static readonly TimeSpan s_shortest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(366);

    /// <summary>The findings, each naming the member that it is about; empty for a sound policy. Whether the storage unit and the hosts exist
    /// is not asked here.</summary>
    public static IReadOnlyList<string> Findings(Policy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        List<string> found = [];
        if (!Names.AreSound(policy.Name)) found.Add($"name: must be {Names.Rule}.");
        if (!Names.AreSound(policy.StorageUnit)) found.Add("storageUnit: name the storage unit that gets the images.");
        if (!Enum.IsDefined(policy.Method)) found.Add("method: must be wmi or vss.");
        if (!Enum.IsDefined(policy.Consistency)) found.Add("consistency: must be application, application-then-crash or crash.");
        if (policy.GuestBackupType is not (GuestBackupType.Copy or GuestBackupType.Full)) found.Add("guestBackupType: must be copy or full.");
        if (policy.Method is BackupMethod.Vss && policy.BlockLevelIncremental)
            found.Add("blockLevelIncremental: needs the wmi method, change tracking belongs to it.");
        if (!Enum.IsDefined(policy.OutsideDisks)) found.Add("outsideDisks: must be skip or fail.");
        if (policy.RescanDays is < 1 or > 3650) found.Add("rescanDays: must be from 1 to 3650.");
        Selections(policy.Vms, found);
        Schedules(policy.Schedules, found);
        return found;
    }

    private static void Selections(IReadOnlyList<VmSelection>? vms, List<string> found)
    {
        if (vms is null)
        {
            found.Add("vms: must be given; an empty list means all VMs of all hosts.");
            return;
        }
        if (vms.Count > MostVms) found.Add($"vms: at most {MostVms} entries.");
        HashSet<VmSelection> seen = [];
        for (var i = 0; i < vms.Count && found.Count < 50; i++)
        {
            if (vms[i] is not { } selection || !Names.AreSound(selection.Host))
            {
                found.Add($"vms[{i}].host: name the host.");
                continue;
            }
            if (selection.Vm is { } vm && (vm.Length is 0 or > 256 || vm.Any(char.IsControl)))
                found.Add($"vms[{i}].vm: must have 1 to 256 characters.");
            if (!seen.Add(selection)) found.Add($"vms[{i}]: named twice.");
        }
    }

    private static void Schedules(IReadOnlyList<Schedule>? schedules, List<string> found)
    {
        if (schedules is null or { Count: 0 })
        {
            found.Add("schedules: at least one.");
            return;
        }
        if (schedules.Count > MostSchedules) found.Add($"schedules: at most {MostSchedules}.");
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < schedules.Count && found.Count < 100; i++)
        {
            if (schedules[i] is not { } schedule)
            {
                found.Add($"schedules[{i}]: is empty.");
                continue;
            }
            if (!Names.AreSound(schedule.Name)) found.Add($"schedules[{i}].name: must be {Names.Rule}.");
            else if (!names.Add(schedule.Name)) found.Add($"schedules[{i}].name: '{schedule.Name}' is there twice.");
            if (!Enum.IsDefined(schedule.Type))
                found.Add($"schedules[{i}].type: must be full, differential-incremental or cumulative-incremental.");
            if (schedule.Every is { } every && (every < s_shortest || every > s_longest))
                found.Add($"schedules[{i}].every: must be from one minute to 366 days.");
            if (schedule.Retention is not { Days: >= 0 and <= 36_500, KeepLast: >= 0 and <= 100_000 })
                found.Add($"schedules[{i}].retention: needs days (0 to 36500) and keepLast (0 to 100000).");
            else if (schedule.Retention is { Days: 0, KeepLast: 0 })
                found.Add($"schedules[{i}].retention: days or keepLast must keep something.");
        }
    }
}
