namespace Stillpoint.Store.Tests;

/// <summary>What happened in all schedules of a run.</summary>
internal sealed record ScheduleSum
{
    public int Committed, Copied, Expired, Deleted, Rewritten, Resealed, Kept, Fenced, Kills, Pauses, Refused, Calls;

    public override string ToString() =>
        $"{Calls} calls, {Committed} images committed, {Copied} copied, {Refused} backups and copies refused, {Expired} given up, {Deleted} packs deleted, "
        + $"{Rewritten} rewritten, {Resealed} sealed anew, {Kept} kept after all, {Fenced} sessions fenced, {Kills} kills, {Pauses} pauses";
}
