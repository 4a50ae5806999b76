using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>Whether an image may be given up, as its entries say together.</summary>
/// <param name="Held">True while a hold is not released.</param>
/// <param name="HoldReason">Why it is held; sealed; null when nothing was said.</param>
/// <param name="LockedUntil">The latest date that a lock named; null without a lock.</param>
/// <param name="Expired">True when it was given up.</param>
/// <param name="Entries">Number of entries.</param>
public sealed record ImageKeeping(bool Held, SealedBlob? HoldReason, DateTimeOffset? LockedUntil, bool Expired, int Entries)
{
    /// <summary>Of an image of which nothing was said.</summary>
    public static ImageKeeping None { get; } = new(false, null, null, false, 0);

    /// <summary>This, and one entry more.</summary>
    internal ImageKeeping With(KeepingEntry entry) => entry.Kind switch
    {
        KeepingKind.Held => this with { Held = true, HoldReason = entry.Reason, Entries = entry.Number },
        KeepingKind.Released => this with { Held = false, HoldReason = null, Entries = entry.Number },
        KeepingKind.Locked => this with { LockedUntil = LockedUntil > entry.Until ? LockedUntil : entry.Until, Entries = entry.Number },
        _ => this with { Expired = true, Entries = entry.Number },
    };
}
