namespace Stillpoint.HyperV;

/// <summary>How the merge of a VM's disks stands.</summary>
/// <param name="IsMerging">True while files of a released checkpoint are not merged yet.</param>
/// <param name="Percent">How far the host's own job is, 0 to 100; null where it shows none.</param>
/// <param name="Failure">Why the newest merge failed, in the host's words; null when none did.</param>
public sealed record MergeState(bool IsMerging, int? Percent = null, string? Failure = null);
