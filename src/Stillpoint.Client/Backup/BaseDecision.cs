using Stillpoint.Chunks;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>An image of the VM with what it says inside, opened with the domain's key.</summary>
/// <param name="Header">The open part.</param>
/// <param name="Details">The sealed part.</param>
/// <param name="Base">Its base note; null when it has none.</param>
/// <param name="Distrusted">True when a verify found it damaged or its tracking is suspect: never a base.</param>
internal sealed record KnownImage(ImageHeader Header, ImageDetails Details, BaseNote? Base, bool Distrusted);

/// <summary>Which image an incremental builds on, or why there is none.</summary>
/// <param name="Image">The base; null when everything is read in full.</param>
/// <param name="Full">Why everything is read in full; null for a full that was asked for.</param>
internal sealed record BaseChoice(KnownImage? Image, FullRead? Full)
{
    /// <summary>Everything is read in full.</summary>
    public static BaseChoice InFull(FullReadCause cause, string reason) => new(null, new FullRead(cause, reason));
}

/// <summary>
/// When a base is sound: the newest committed image of the VM with a base note, never one whose verify failed; its reference point still on
/// the host; the same last applied snapshot; the last full read not older than the rescan interval. On any doubt: a full read, with the reason.
/// </summary>
internal static class BaseDecision
{
    /// <summary>Chooses the base for a whole VM.</summary>
    /// <param name="order">What was asked.</param>
    /// <param name="images">Committed images of the VM, newest first.</param>
    /// <param name="referencePoints">Ids of the VM's reference points on the host.</param>
    /// <param name="lastApplied">The snapshot last applied to the VM now.</param>
    /// <param name="now">Now, UTC.</param>
    public static BaseChoice Choose(
        BackupOrder order, IReadOnlyList<KnownImage> images, IReadOnlySet<string> referencePoints, string? lastApplied, DateTimeOffset now)
    {
        if (order.Type == ImageType.Full) return new BaseChoice(null, null);
        if (!order.BlockLevelIncremental) return BaseChoice.InFull(FullReadCause.PolicyOff, "the policy has block-level incremental backup off");
        if (images.FirstOrDefault(i => i.Base is not null) is not { } newest)
            return BaseChoice.InFull(FullReadCause.NoBase, images.Count == 0 ? "the VM has no earlier image" : "no earlier image has a base note");
        if (newest.Distrusted) return BaseChoice.InFull(FullReadCause.BaseDamaged, $"image {newest.Header.Id} is damaged or suspect");
        if (!referencePoints.Contains(newest.Base!.ReferencePointId))
            return BaseChoice.InFull(FullReadCause.BaseLost, "the base's reference point is no longer on the host");
        if (newest.Details.LastAppliedSnapshot != lastApplied)
            return BaseChoice.InFull(FullReadCause.Reverted, "a checkpoint was applied to the VM since the base");
        var lastFull = images.FirstOrDefault(i => i.Header.Type == ImageType.Full);
        if (lastFull is null || now - lastFull.Header.Created > TimeSpan.FromDays(order.RescanDays))
            return BaseChoice.InFull(FullReadCause.RescanDue, $"the last full read is older than {order.RescanDays} days");
        return new BaseChoice(newest, null);
    }

    /// <summary>The images from the base back to and without the last full: what a cumulative incremental unites. Null when one is gone.</summary>
    public static IReadOnlyList<KnownImage>? SinceLastFull(KnownImage newest, IReadOnlyList<KnownImage> images)
    {
        var byId = images.ToDictionary(i => i.Header.Id);
        var chain = new List<KnownImage>();
        var current = newest;
        while (current.Header.Type != ImageType.Full && chain.Count <= images.Count)
        {
            chain.Add(current);
            if (current.Header.BaseImageId is not { } before || !byId.TryGetValue(before, out var earlier)) return null;
            current = earlier;
        }
        return chain;
    }

    /// <summary>
    /// The disk of the base that is the same disk as this one, by identity, never by position. Null with a reason when there is none:
    /// replaced, resized, or below the frozen file something else than before.
    /// </summary>
    public static (int? Index, FullRead? Full) MatchDisk(VirtualDiskSetting slot, FrozenDisk disk, KnownImage known)
    {
        var index = known.Details.Disks.ToList().FindIndex(d => d.SettingId == slot.SettingId && d.VirtualDiskId == disk.VirtualDiskId);
        if (index < 0)
        {
            return known.Details.Disks.Any(d => d.SettingId == slot.SettingId)
                ? InFull(FullReadCause.DiskReplaced, $"disk {disk.Name} was replaced since the base")
                : InFull(FullReadCause.DiskAdded, $"disk {disk.Name} was added since the base");
        }
        if (disk.VirtualDiskId is null) return InFull(FullReadCause.NotTracked, $"disk {disk.Name} has no identity that change tracking could follow");
        var before = known.Details.Disks[index];
        if (known.Header.Streams[index].Length != disk.Length) return InFull(FullReadCause.DiskResized, $"disk {disk.Name} was resized since the base");
        // A snapshot that is applied a second time leaves the same last applied id and the same files below; only the file that the VM writes
        // to is another. Our own checkpoints merge back into that file, so its path stays.
        if (!string.Equals(before.HostPath, slot.Path, StringComparison.OrdinalIgnoreCase))
        {
            return IsLeaf(before.HostPath) || IsLeaf(slot.Path)
                ? InFull(FullReadCause.Reverted, $"the VM no longer writes to {HostPaths.FileOf(before.HostPath ?? "")}, the file of the base: "
                    + "a checkpoint was applied, or the disk was moved")
                : InFull(FullReadCause.DiskMoved, $"disk {disk.Name} was moved from {before.HostPath} since the base");
        }
        // The frozen file itself has a new write id after each merge; the files below it must be the very ones.
        if (!before.ChainWriteIds.Skip(1).SequenceEqual(disk.ChainWriteIds.Skip(1)))
            return InFull(FullReadCause.ChainChanged, $"the files below disk {disk.Name} are not the ones of the base");
        if (known.Base!.Disks.FirstOrDefault(d => d.SettingId == slot.SettingId) is not { TrackingId: not null })
            return InFull(FullReadCause.BaseLost, $"the base has no change-tracking id for disk {disk.Name}");
        return (index, null);
    }

    private static (int? Index, FullRead? Full) InFull(FullReadCause cause, string reason) => (null, new FullRead(cause, reason));

    private static bool IsLeaf(string? path) => path?.EndsWith(".avhdx", StringComparison.OrdinalIgnoreCase) == true;
}
