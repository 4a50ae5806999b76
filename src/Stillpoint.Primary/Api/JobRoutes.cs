using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Jobs: lists, one with its phases and progress, its log, cancelling and trying again.</summary>
internal static class JobRoutes
{
    private const int LongestWait = 60;

    public static void Map(IEndpointRouteBuilder api)
    {
        var jobs = api.MapGroup("/jobs").WithTags("jobs");
        jobs.MapGet("", List).RequireAuthorization(Roles.Viewer);
        jobs.MapGet("/{id}", Show).RequireAuthorization(Roles.Viewer)
            .WithSummary("One job. With 'after' (a revision) and 'wait' (seconds, at most 60): answers at another revision, or when time is over.");
        jobs.MapGet("/{id}/log", Log).RequireAuthorization(Roles.Viewer);
        jobs.MapPost("/{id}/cancel", Cancel).RequireAuthorization(Roles.Operator);
        jobs.MapPost("/{id}/retry", Retry).RequireAuthorization(Roles.Operator);
    }

    private static async Task<Page<Job>> List(
        CatalogStore catalog, string? state, string? policy, string? vm, string? host, int? limit, string? after)
    {
        JobState? wanted = state is null ? null
            : Words.TryParse<JobState>(state, out var parsed) ? parsed
            : throw Refusal.Invalid("state", "It must be queued, waiting, active, suspended or done.", "Mend the request.");
        var most = Paging.Limit(limit);
        var jobs = await catalog.Jobs.List(new JobFilter(wanted, policy, vm, host), most, Paging.Before(after));
        List<Job> shown = [];
        foreach (var job in jobs) shown.Add(await Shown(job, catalog));
        return Paging.Of(shown, most, j => j.Number);
    }

    private static async Task<JobView> Show(string id, CatalogStore catalog, JobWatch watch, long? after, int? wait, CancellationToken cancel)
    {
        var job = await References.Job(catalog, id);
        if (after is { } seen && wait is > 0 && job.State != JobState.Done)
            await watch.Wait(job.Id, seen, TimeSpan.FromSeconds(Math.Min(wait.Value, LongestWait)), cancel);
        // The revision is read first: what changes after it is told by the next question.
        var (progress, revision) = watch.Look(job.Id);
        job = await catalog.Jobs.Find(job.Id) ?? job;
        return new JobView(await Shown(job, catalog), await catalog.Jobs.Phases(job.Id), job.State == JobState.Active ? progress : null, revision);
    }

    /// <summary>A job that was lost keeps the image that it was granted, because its client may still commit it: shown once it is there.</summary>
    private static async Task<Job> Shown(Job job, CatalogStore catalog) =>
        job is { Kind: JobKind.Backup, Lost: true, ImageId: { } granted } && await catalog.Images.Find(granted) is null
            ? job with { ImageId = null }
            : job;

    private static async Task<Page<JobLogLine>> Log(string id, CatalogStore catalog, int? limit, long? after)
    {
        var job = await References.Job(catalog, id);
        var most = Paging.Limit(limit);
        return Paging.Of(await catalog.Jobs.Log(job.Id, most, after ?? 0), most, l => l.Number);
    }

    private static async Task<IResult> Cancel(string id, ClaimsPrincipal user, CatalogStore catalog, JobRequests requests, AuditLog audit)
    {
        var job = await requests.Cancel((await References.Job(catalog, id)).Id);
        await audit.Done(user, "job.cancel", job.Id.ToString());
        return Results.Accepted($"/api/v1/jobs/{job.Id}", job);
    }

    private static async Task<IResult> Retry(string id, ClaimsPrincipal user, CatalogStore catalog, JobRequests requests, AuditLog audit)
    {
        var job = await requests.Retry((await References.Job(catalog, id)).Id, Roles.NameOf(user));
        await audit.Done(user, "job.retry", id, job.Id.ToString());
        return Results.Accepted($"/api/v1/jobs/{job.Id}", job);
    }
}
