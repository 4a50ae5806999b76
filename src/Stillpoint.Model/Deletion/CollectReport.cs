namespace Stillpoint.Model;

/// <summary>What a collect did.</summary>
/// <param name="Finished">False when it stopped because sessions are open; the next collect goes on where this one stopped.</param>
/// <param name="PacksDeleted">Packs deleted.</param>
/// <param name="BytesDeleted">Their bytes.</param>
/// <param name="PacksRewritten">Packs whose living records were copied, so that the pack itself may go.</param>
/// <param name="BytesWritten">Bytes of the packs written for that.</param>
/// <param name="PacksKept">Packs that were to go and turned out to be needed.</param>
/// <param name="SessionsFenced">Sessions that were taken for dead.</param>
/// <param name="ImagesRemoved">Images that were given up and whose objects are gone now.</param>
/// <param name="ObjectsSwept">Other objects deleted: what dead sessions left, marks of damage in packs that are gone.</param>
/// <param name="PacksResealed">Packs whose living records were sealed anew.</param>
/// <param name="LackedSpace">True when packs were left as they are because the volume is full.</param>
/// <param name="Unreadable">Names of the packs that were to be copied or sealed anew and are damaged, so that they stay as they are; null where none is.</param>
/// <param name="OldLocked">Packs under an older epoch of the key that stay because they are locked.</param>
/// <param name="OldLockedUntil">When the last of these locks ends, unless a renewal extends it; null where there is none.</param>
public sealed record CollectReport(
    bool Finished, int PacksDeleted, long BytesDeleted, int PacksRewritten, long BytesWritten, int PacksKept, int SessionsFenced, int ImagesRemoved,
    int ObjectsSwept, int PacksResealed, bool LackedSpace, IReadOnlyList<string>? Unreadable = null, int OldLocked = 0,
    DateTimeOffset? OldLockedUntil = null)
{
    /// <summary>Bytes that the unit is smaller by; negative when it grew.</summary>
    public long BytesFreed => BytesDeleted - BytesWritten;
}

/// <summary>How the last collect of a storage unit stands at its media server.</summary>
/// <param name="Running">True while it works.</param>
/// <param name="Stage">What it does; null before it began.</param>
/// <param name="Done">Of the stage.</param>
/// <param name="Total">Of the stage; 0 where it is not known.</param>
/// <param name="Report">What it did; null while it works, and when it failed.</param>
/// <param name="Trouble">Why it failed.</param>
public sealed record CollectState(
    bool Running, string? Stage = null, long Done = 0, long Total = 0, CollectReport? Report = null, Trouble? Trouble = null);
