namespace Stillpoint.Model;

/// <summary>A host call that leaves something behind.</summary>
public enum HostCall
{
    CreateSnapshot,
    ConvertToReferencePoint,
    ImportSystemDefinition,

    /// <summary>Files that a restore writes on the host.</summary>
    WriteFiles,

    /// <summary>The checkpoint that undoes a rollback: applied when the rollback did not end.</summary>
    Rollback,
}

/// <summary>
/// Recorded durably before a call that leaves something on a host, and ended when that something was released or became wanted. What a
/// crash left behind is ours if its name carries the job's id, if an intent or a base note records its id, or if an unfinished intent of
/// that VM has no id and exactly one candidate is not in its before-list. All else is reported and left alone.
/// </summary>
/// <param name="Id">This intent.</param>
/// <param name="JobId">The job.</param>
/// <param name="VmId">The VM.</param>
/// <param name="Call">The call.</param>
/// <param name="IdsBefore">Ids of the same kind on that VM before the call; for files, the paths that will be written.</param>
/// <param name="ResultId">The id of what the call made, once known.</param>
/// <param name="Recorded">When, UTC.</param>
public sealed record Intent(
    Guid Id,
    Guid JobId,
    Guid VmId,
    HostCall Call,
    IReadOnlyList<string> IdsBefore,
    string? ResultId,
    DateTimeOffset Recorded);
