using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>Policies to begin with.</summary>
internal static class Policies
{
    public static Policy Sound(string name, params VmSelection[] vms) => new(
        name, BackupMethod.Wmi, "main", vms, true, ConsistencyPolicy.Application, GuestBackupType.Copy,
        [new Schedule("full", ImageType.Full, null, new Retention(30, 2)), new Schedule("diff", ImageType.DifferentialIncremental, null, new Retention(7, 0))]);
}
