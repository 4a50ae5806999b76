using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>What runs now, against the limits: one backup a VM, so many jobs a host.</summary>
internal sealed class Load(int jobsPerHost)
{
    private readonly HashSet<Guid> _vms = [];
    private readonly Dictionary<string, int> _hosts = [];

    public void Add(Job active)
    {
        // By the VM alone: a host that joined under two names, or a VM that moved, is one VM.
        if (active.Kind is JobKind.Backup or JobKind.Rollback) _vms.Add(active.VmId);
        _hosts[active.Host] = _hosts.GetValueOrDefault(active.Host) + 1;
    }

    /// <summary>What a job has to wait for; null when it may run.</summary>
    public string? Missing(Job job)
    {
        if (job.Kind is JobKind.Backup or JobKind.Rollback && _vms.Contains(job.VmId)) return $"another job on {job.VmName} to end";
        return _hosts.GetValueOrDefault(job.Host) >= jobsPerHost ? $"one of the {jobsPerHost} jobs that host {job.Host} may run to end" : null;
    }
}
