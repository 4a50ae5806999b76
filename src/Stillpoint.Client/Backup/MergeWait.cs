namespace Stillpoint.Client;

/// <summary>Waits while the host merges a VM's disks, looking at rising intervals.</summary>
internal sealed class MergeWait(ClientServices services, JobLine line)
{
    private static readonly TimeSpan s_firstLook = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_slowestLook = TimeSpan.FromSeconds(5);

    /// <summary>False when the host still merged after <paramref name="limit"/>.</summary>
    public async Task<bool> UntilMergedAsync(Guid vmId, TimeSpan limit, CancellationToken cancel)
    {
        var started = services.Time.GetTimestamp();
        for (var wait = s_firstLook; await services.Host.IsMergingAsync(vmId, cancel); wait = TimeSpan.FromTicks(Math.Min(wait.Ticks * 2, s_slowestLook.Ticks)))
        {
            line.Detail("the host merges the disks of a checkpoint that was released");
            if (services.Time.GetElapsedTime(started) > limit) return false;
            await Task.Delay(wait, services.Time, cancel);
        }
        return true;
    }
}
