using Stillpoint.Model;

namespace Stillpoint.Catalog;

// Rows where the table's shape is not the noun's. The other tables hold the nouns themselves.

internal sealed class PolicyRow
{
    public required string Name { get; set; }
    public required BackupMethod Method { get; set; }
    public required string StorageUnit { get; set; }
    public required IReadOnlyList<VmSelection> Vms { get; set; }
    public required bool BlockLevelIncremental { get; set; }
    public required ConsistencyPolicy Consistency { get; set; }
    public required GuestBackupType GuestBackupType { get; set; }
    public required bool TrackingAudit { get; set; }
    public required int RescanDays { get; set; }
    public required OutsideDisks OutsideDisks { get; set; }
    public required DateTimeOffset Changed { get; set; }
    public List<ScheduleRow> Schedules { get; set; } = [];
}

internal sealed class ScheduleRow
{
    public required string PolicyName { get; set; }
    public required string Name { get; set; }
    public required int Position { get; set; }
    public required ImageType Type { get; set; }
    public required TimeSpan? Every { get; set; }
    public required int KeepDays { get; set; }
    public required int KeepLast { get; set; }
    public DateTimeOffset? LastRun { get; set; }
}

internal sealed class PhaseRow
{
    public required Guid JobId { get; set; }
    public required Phase Phase { get; set; }
    public required DateTimeOffset Started { get; set; }
    public required DateTimeOffset? Ended { get; set; }
    public required PhaseOutcome Outcome { get; set; }
    public required string Detail { get; set; }
}

internal sealed class LogRow
{
    public long Number { get; set; }
    public required Guid JobId { get; set; }
    public required DateTimeOffset At { get; set; }
    public required string Line { get; set; }
}

internal sealed class IntentRow
{
    public required Guid Id { get; set; }
    public required Guid JobId { get; set; }
    public required Guid VmId { get; set; }
    public required string Client { get; set; }
    public required HostCall Call { get; set; }
    public required IReadOnlyList<string> IdsBefore { get; set; }
    public required string? ResultId { get; set; }
    public required DateTimeOffset Recorded { get; set; }
}

internal sealed class UserRow
{
    public required string Name { get; set; }
    public required UserRole Role { get; set; }
    public required string PasswordHash { get; set; }
    public required DateTimeOffset Created { get; set; }
    public DateTimeOffset? LastSignIn { get; set; }
}

internal sealed class ApiTokenRow
{
    public required Guid Id { get; set; }
    public required byte[] Hash { get; set; }
    public required string Name { get; set; }
    public required string User { get; set; }
    public required UserRole Role { get; set; }
    public required bool Session { get; set; }
    public required DateTimeOffset Created { get; set; }
    public required DateTimeOffset Expires { get; set; }
}

internal sealed class JoinTokenRow
{
    public required Guid Id { get; set; }
    public required byte[] Hash { get; set; }
    public required string Role { get; set; }
    public required string? Name { get; set; }
    public required DateTimeOffset Created { get; set; }
    public required DateTimeOffset Expires { get; set; }
    public DateTimeOffset? Used { get; set; }
    public string? UsedBy { get; set; }
}
