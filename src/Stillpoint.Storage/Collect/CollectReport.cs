using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;

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
