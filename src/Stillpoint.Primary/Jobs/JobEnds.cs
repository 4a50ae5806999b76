using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Ends jobs by the primary server's own decision.</summary>
internal sealed class JobEnds(CatalogStore catalog, JobWatch watch, TimeProvider time)
{
    /// <summary>The job failed before or without its client's word.</summary>
    /// <param name="id">The job.</param>
    /// <param name="trouble">Why.</param>
    /// <param name="lost">True when the client may still work on it and its word would stand over this.</param>
    /// <param name="unless">Looks at the job as it is now; true leaves it.</param>
    /// <returns>False when it was left.</returns>
    public async Task<bool> Fail(Guid id, Trouble trouble, bool lost, Func<Job, bool> unless)
    {
        var phases = await catalog.Jobs.Phases(id);
        var now = time.GetUtcNow();
        var open = phases.Where(p => p.Ended is null)
            .Select(p => p with { Ended = now, Outcome = PhaseOutcome.Failed, Detail = trouble.Message }).ToList();
        var phased = trouble.Phase is null && open.Count > 0 ? trouble with { Phase = open[^1].Phase } : trouble;
        var changed = await catalog.Jobs.Complete(id, job => job.State == JobState.Done || unless(job) ? null : job with
        {
            State = JobState.Done,
            Outcome = JobOutcome.Failed,
            Ended = now,
            Lost = lost,
            WaitsFor = null,
            Trouble = phased,
            // A client that still works on it may commit the image that it was granted; otherwise there is none.
            ImageId = lost || job.Kind != JobKind.Backup ? job.ImageId : null,
        }, open, image: null);
        if (changed is null) return false;
        watch.End(id);
        return true;
    }
}
