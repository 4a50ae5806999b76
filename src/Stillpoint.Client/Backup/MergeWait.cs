using Stillpoint.HyperV;

namespace Stillpoint.Client;

/// <summary>How a wait for a merge ended.</summary>
/// <param name="IsMerged">True when nothing merges any more.</param>
/// <param name="Detail">For people.</param>
internal sealed record MergeEnd(bool IsMerged, string Detail);

/// <summary>Waits while the host merges a VM's disks, looking at rising intervals and telling how far it is.</summary>
internal sealed class MergeWait(ClientServices services, JobLine line)
{
    private static readonly TimeSpan s_firstLook = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_slowestLook = TimeSpan.FromSeconds(5);

    /// <summary>Waits until nothing merges, the host says that it failed, or <paramref name="limit"/> has passed.</summary>
    public async Task<MergeEnd> RunAsync(Guid vmId, TimeSpan limit, CancellationToken cancel)
    {
        var started = services.Time.GetTimestamp();
        for (var wait = s_firstLook; ; wait = TimeSpan.FromTicks(Math.Min(wait.Ticks * 2, s_slowestLook.Ticks)))
        {
            var state = await services.Host.GetMergeAsync(vmId, cancel);
            if (!state.IsMerging) return new MergeEnd(true, "disks merged");
            if (state.Failure is { } failure) return new MergeEnd(false, $"the host could not merge the disks: {failure}");
            if (services.Time.GetElapsedTime(started) > limit)
                return new MergeEnd(false, $"the disks had not merged after {limit.TotalMinutes:0.#} minutes{Far(state)}");
            await line.ShowAsync($"the host merges the disks of a checkpoint that was released{Far(state)}");
            await Task.Delay(wait, services.Time, cancel);
        }
    }

    private static string Far(MergeState state) => state.Percent is { } percent ? $", {percent} %" : "";
}
