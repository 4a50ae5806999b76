using System.Security.Cryptography;
using Stillpoint.Chunks;

namespace Stillpoint.Storage;

/// <summary>What a collect is doing.</summary>
public enum CollectStage
{
    /// <summary>It waits for sessions that were open before: done and total count sessions.</summary>
    Waiting,

    /// <summary>It looks which records the images need.</summary>
    Marking,

    /// <summary>It copies what lives out of packs that are mostly dead or small, or seals it anew: bytes.</summary>
    Rewriting,

    /// <summary>It deletes packs: bytes.</summary>
    Deleting,

    /// <summary>It deletes what dead sessions and images that were given up left.</summary>
    Sweeping,
}

/// <summary>How far a collect is.</summary>
/// <param name="Stage">What it does.</param>
/// <param name="Done">Of the stage.</param>
/// <param name="Total">Of the stage; 0 where it is not known.</param>
public readonly record struct CollectProgress(CollectStage Stage, long Done, long Total);

/// <summary>How a collect goes about it.</summary>
/// <param name="MostWait">Longest wait for open sessions; null waits as long as it takes.</param>
/// <param name="Plan">What the primary allows, for a unit that is attached to one.</param>
/// <param name="Glass">Overrides the need of a plan, and leaves a note that stays.</param>
/// <param name="Keys">With them it seals anew what lies under older epochs of their domain, and brings small packs together; without them it copies
/// records as they are.</param>
public sealed record CollectOptions(TimeSpan? MostWait = null, CollectPlan? Plan = null, BreakGlass? Glass = null, CollectKeys? Keys = null);

/// <summary>What lets a collect seal.</summary>
/// <param name="Keys">Keys of one domain, at its newest epoch; their owner disposes of them.</param>
/// <param name="Random">Source of salts.</param>
public sealed record CollectKeys(DomainKeys Keys, RandomNumberGenerator Random);

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
public sealed record CollectReport(
    bool Finished, int PacksDeleted, long BytesDeleted, int PacksRewritten, long BytesWritten, int PacksKept, int SessionsFenced, int ImagesRemoved,
    int ObjectsSwept, int PacksResealed, bool LackedSpace)
{
    /// <summary>Bytes that the unit is smaller by; negative when it grew.</summary>
    public long BytesFreed => BytesDeleted - BytesWritten;
}
