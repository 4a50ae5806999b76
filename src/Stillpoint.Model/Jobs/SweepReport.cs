namespace Stillpoint.Model;

/// <summary>What a sweep over a host did.</summary>
/// <param name="Cleared">What earlier runs of ours had left and is gone now, or could not be removed; a sentence each.</param>
/// <param name="Foreign">What is none of ours, or cannot be told; a sentence each. None of it was touched.</param>
public sealed record SweepReport(IReadOnlyList<string> Cleared, IReadOnlyList<string> Foreign);
