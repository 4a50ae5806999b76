using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>What is read of one disk.</summary>
/// <param name="Disk">The frozen disk.</param>
/// <param name="BaseRoot">Root of the same disk in the base image; null for a full read.</param>
/// <param name="Changed">What is read on top of the base; null for a full read.</param>
/// <param name="Full">Why it is read in full although an incremental was asked; null when it is not.</param>
internal sealed record DiskPlan(FrozenDisk Disk, NodeId? BaseRoot, ExtentSet? Changed, FullRead? Full)
{
    /// <summary>The upload of it.</summary>
    public DiskWork Work => Changed is { } changed && BaseRoot is { } root ? DiskWork.Changes(Disk, changed, root) : DiskWork.Full(Disk);

    /// <summary>The same disk, read in full after all.</summary>
    public DiskPlan InFull(FullReadCause cause, string reason) => new(Disk, null, null, new FullRead(cause, reason));
}

/// <summary>Asks the host what changed and decides per disk.</summary>
internal static class ReadPlan
{
    /// <param name="disks">The frozen disks.</param>
    /// <param name="choice">The base for the VM.</param>
    /// <param name="alsoRead">Images whose stored ranges are read again: those since the last full, for a cumulative incremental.</param>
    /// <param name="host">Asked for the changed ranges.</param>
    /// <param name="cancel">Stops between two disks.</param>
    public static async Task<IReadOnlyList<DiskPlan>> MakeAsync(
        IReadOnlyList<FrozenDisk> disks, BaseChoice choice, IReadOnlyList<KnownImage> alsoRead, IHyperVHost host, CancellationToken cancel)
    {
        var plans = new List<DiskPlan>();
        foreach (var disk in disks) plans.Add(await PlanAsync(disk, choice, alsoRead, host, cancel));
        return plans;
    }

    private static async Task<DiskPlan> PlanAsync(
        FrozenDisk disk, BaseChoice choice, IReadOnlyList<KnownImage> alsoRead, IHyperVHost host, CancellationToken cancel)
    {
        if (choice.Image is not { } known) return new DiskPlan(disk, null, null, choice.Full);
        var (index, full) = BaseDecision.MatchDisk(disk.Slot, disk, known);
        if (index is not { } at) return new DiskPlan(disk, null, null, full);
        var tracking = known.Base!.Disks.First(d => d.SettingId == disk.Slot.SettingId).TrackingId!;
        try
        {
            var changed = await host.GetChangesAsync(disk.Slot.Path, tracking, disk.Length, cancel);
            foreach (var image in alsoRead)
                changed = changed.Union(image.Details.Disks.First(d => d.VirtualDiskId == disk.VirtualDiskId).Read);
            return new DiskPlan(disk, known.Header.Streams[at].Root, changed.Intersect(ExtentSet.Whole(disk.Length)), null);
        }
        catch (TrackingLostException lost)
        {
            return new DiskPlan(disk, null, null, new FullRead(lost.Read.Cause, $"change tracking of disk {disk.Name} was lost: {lost.Message}"));
        }
    }
}
