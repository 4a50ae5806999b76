using Stillpoint.Model;
using Stillpoint.Primary;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>What may run beside what, by the primary server's count.</summary>
public sealed class LoadTests
{
    private static readonly Guid s_vm = new(1, 0, 0, new byte[8]);

    [Fact]
    public void A_vm_under_two_host_names_is_one_vm()
    {
        var load = new Load(jobsPerHost: 2);
        load.Add(Job(JobKind.Backup, "hv1", s_vm));
        Assert.Contains("another job on web", load.Missing(Job(JobKind.Backup, "hv1-by-another-name", s_vm)), StringComparison.Ordinal);
        Assert.Contains("another job on web", load.Missing(Job(JobKind.Rollback, "hv1", s_vm)), StringComparison.Ordinal);
        Assert.Null(load.Missing(Job(JobKind.Backup, "hv1", Guid.Empty)));
        Assert.Null(load.Missing(Job(JobKind.RestoreVm, "hv1", s_vm)));
    }

    [Fact]
    public void A_host_has_so_many_jobs_and_no_more()
    {
        var load = new Load(jobsPerHost: 1);
        load.Add(Job(JobKind.RestoreDisk, "hv1", s_vm));
        Assert.Contains("1 jobs", load.Missing(Job(JobKind.Backup, "hv1", s_vm)), StringComparison.Ordinal);
        Assert.Null(load.Missing(Job(JobKind.Backup, "hv2", s_vm)));
    }

    private static Job Job(JobKind kind, string host, Guid vm) => new()
    {
        Id = Guid.Empty, Kind = kind, Host = host, VmId = vm, VmName = "web", StorageUnit = "vault", RequestedBy = "test", Created = default,
    };
}
