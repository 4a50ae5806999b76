using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>
/// Tells what on a host is ours. Reference points have no name and another product's recovery checkpoint looks like ours, so a thing is ours if
/// (a) its name carries our job id, (b) an intent or a base note records its id, or (c) an unfinished intent of that VM lacks an id and exactly
/// one candidate was not in its before-list. Where two could be meant, neither is touched.
/// </summary>
internal static class Ours
{
    private const string NamePrefix = "Stillpoint backup ";

    /// <summary>A candidate made much earlier or later than the intent cannot be what the call made, whatever the before-list says.</summary>
    private static readonly TimeSpan s_callWindow = TimeSpan.FromMinutes(30);

    private const string RollbackPrefix = "Stillpoint rollback ";

    /// <summary>The name of the checkpoint that undoes a rollback.</summary>
    public static string RollbackName(Guid jobId) => RollbackPrefix + jobId.ToString("D");

    /// <summary>The name that our checkpoints get.</summary>
    public static string CheckpointName(Guid jobId) => NamePrefix + jobId.ToString("D");

    /// <summary>The job that a checkpoint's name carries; null when it is not one of ours.</summary>
    public static Guid? JobOf(string checkpointName) =>
        checkpointName.StartsWith(NamePrefix, StringComparison.Ordinal) && Guid.TryParseExact(checkpointName[NamePrefix.Length..], "D", out var job)
            ? job
            : null;

    /// <summary>Recovery checkpoints that an earlier run of ours left, and sentences about what could not be told apart. A name of ours is not
    /// enough: another client, or another site, may be working on that job. It is a leftover if its job is in our records, or if it is older
    /// than any run may keep a checkpoint open.</summary>
    /// <param name="onHost">What the host has.</param>
    /// <param name="intents">Unfinished intents of the VM.</param>
    /// <param name="isRunning">Whether a job is being worked on here now.</param>
    /// <param name="abandonedBefore">Checkpoints made before this belong to no run any more.</param>
    public static Findings LeftCheckpoints(
        IReadOnlyList<Checkpoint> onHost, IReadOnlyList<Intent> intents, Func<Guid, bool> isRunning, DateTimeOffset abandonedBefore)
    {
        var recovery = onHost.Where(c => c.Kind == CheckpointKind.Recovery).ToList();
        var known = intents.Select(i => i.JobId).ToHashSet();
        var ours = recovery
            .Where(c => JobOf(c.Name) is { } job && !isRunning(job) && (known.Contains(job) || c.Created < abandonedBefore))
            .Select(c => c.Id)
            .ToHashSet();
        var doubts = new List<string>();
        foreach (var intent in intents.Where(i => i.Call == HostCall.CreateSnapshot && !isRunning(i.JobId)))
        {
            if (intent.ResultId is { } id)
            {
                if (recovery.Any(c => c.Id == id)) ours.Add(id);
                continue;
            }
            var candidates = recovery
                .Where(c => !intent.IdsBefore.Contains(c.Id) && JobOf(c.Name) is null)
                .Where(c => (c.Created - intent.Recorded).Duration() <= s_callWindow)
                .ToList();
            if (candidates.Count == 1) ours.Add(candidates[0].Id);
            else if (candidates.Count > 1) doubts.Add(Doubt("recovery checkpoints", intent, candidates.Select(c => c.Id)));
        }
        return new Findings(ours, doubts);
    }

    /// <summary>Reference points of ours that no future incremental needs.</summary>
    /// <param name="onHost">What the host has.</param>
    /// <param name="intents">Unfinished intents of the VM.</param>
    /// <param name="noted">Reference points that base notes record, that of the newest base first.</param>
    /// <param name="isRunning">Whether a job is being worked on now.</param>
    public static Findings LeftReferencePoints(
        IReadOnlyList<ReferencePoint> onHost, IReadOnlyList<Intent> intents, IReadOnlyList<string> noted, Func<Guid, bool> isRunning)
    {
        var ids = onHost.Select(r => r.Id).ToHashSet();
        var ours = noted.Skip(1).Where(ids.Contains).ToHashSet();
        var doubts = new List<string>();
        foreach (var intent in intents.Where(i => i.Call == HostCall.ConvertToReferencePoint && !isRunning(i.JobId)))
        {
            if (intent.ResultId is { } id)
            {
                if (ids.Contains(id) && !noted.Contains(id)) ours.Add(id);
                continue;
            }
            var candidates = ids.Where(r => !intent.IdsBefore.Contains(r) && !noted.Contains(r)).ToList();
            if (candidates.Count == 1) ours.Add(candidates[0]);
            else if (candidates.Count > 1) doubts.Add(Doubt("reference points", intent, candidates));
        }
        return new Findings(ours, doubts);
    }

    private static string Doubt(string what, Intent intent, IEnumerable<string> candidates) =>
        $"job {intent.JobId} may have left one of these {what} on VM {intent.VmId}, and it cannot be told which: {string.Join(", ", candidates)}. " +
        "None was touched; remove the one that no other product needs.";
}

/// <summary>What was found to be ours, and what could not be told.</summary>
internal sealed record Findings(IReadOnlySet<string> Ours, IReadOnlyList<string> Doubts);
