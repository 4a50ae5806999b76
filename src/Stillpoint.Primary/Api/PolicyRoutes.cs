using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Policies, their schedules, and running one now.</summary>
internal static class PolicyRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        var policies = api.MapGroup("/policies").WithTags("policies");
        policies.MapGet("", List).RequireAuthorization(Roles.Viewer);
        policies.MapGet("/{name}", Show).RequireAuthorization(Roles.Viewer);
        policies.MapPost("", Create).RequireAuthorization(Roles.Admin);
        policies.MapPut("/{name}", Edit).RequireAuthorization(Roles.Admin);
        policies.MapDelete("/{name}", Delete).RequireAuthorization(Roles.Admin);
        policies.MapPost("/{name}/runs", Run).RequireAuthorization(Roles.Operator);
        api.MapGet("/schedules", Schedules).RequireAuthorization(Roles.Viewer).WithTags("policies");
    }

    private static async Task<Page<PolicyView>> List(CatalogStore catalog, int? limit, string? after) =>
        Paging.ByName((await catalog.Policies.List()).Select(View), p => p.Policy.Name, limit, after);

    private static async Task<PolicyView> Show(string name, CatalogStore catalog) => View(await Find(catalog, name));

    private static async Task<IResult> Create(
        Policy body, ClaimsPrincipal user, CatalogStore catalog, VmSelector selector, AuditLog audit, TimeProvider time)
    {
        await Check(body, catalog, selector);
        if (!await catalog.Policies.Create(body, time.GetUtcNow()))
            throw Refusal.Conflict($"policy {body.Name}", "There is one of that name.", "Give another name, or edit that one.");
        await audit.Done(user, "policy.create", body.Name);
        return Results.Created($"/api/v1/policies/{body.Name}", View(await Find(catalog, body.Name)));
    }

    private static async Task<PolicyView> Edit(string name, Policy body,
        ClaimsPrincipal user, CatalogStore catalog, VmSelector selector, AuditLog audit, TimeProvider time)
    {
        if (body.Name != name) throw Refusal.Invalid("name", "A policy keeps its name.", $"Send the name {name}, or create another policy.");
        await Check(body, catalog, selector);
        if (!await catalog.Policies.Replace(body, time.GetUtcNow())) throw Refusal.NotFound("policy", name);
        await audit.Done(user, "policy.edit", name);
        return View(await Find(catalog, name));
    }

    private static async Task<IResult> Delete(string name, ClaimsPrincipal user, CatalogStore catalog, AuditLog audit)
    {
        if (!await catalog.Policies.Delete(name)) throw Refusal.NotFound("policy", name);
        await audit.Done(user, "policy.delete", name);
        return Results.NoContent();
    }

    private static async Task<IResult> Run(string name, RunRequest? body, ClaimsPrincipal user, JobRequests requests, AuditLog audit)
    {
        var jobs = await requests.Run(name, body?.Schedule, body?.Vm, Roles.NameOf(user));
        await audit.Done(user, "policy.run", name, $"{jobs.Count} jobs");
        return Results.Accepted("/api/v1/jobs", new Page<Job>(jobs, null));
    }

    private static async Task<Page<ScheduleView>> Schedules(CatalogStore catalog) =>
        new([.. (await catalog.Policies.List()).SelectMany(p => View(p).Schedules)], null);

    private static async Task Check(Policy policy, CatalogStore catalog, VmSelector selector)
    {
        var findings = PolicyRules.Findings(policy).ToList();
        if (Names.AreSound(policy.StorageUnit) && await catalog.StorageUnits.Find(policy.StorageUnit) is null)
            findings.Add($"storageUnit: there is no storage unit {policy.StorageUnit}.");
        if (policy.Vms is { Count: > 0 })
        {
            var known = (await catalog.Hosts.List()).Select(h => h.Name).ToHashSet();
            findings.AddRange(policy.Vms.Where(v => v is not null && Names.AreSound(v.Host) && !known.Contains(v.Host))
                .Select(v => v.Host).Distinct().Select(h => $"vms: there is no host {h}."));
        }
        // Hosts are asked only about a policy that is sound by itself.
        if (findings.Count == 0) findings.AddRange(await selector.Strangers(policy.Vms));
        if (findings.Count > 0) throw Refusal.Invalid("policy", findings);
    }

    private static async Task<PolicyRhythm> Find(CatalogStore catalog, string name) =>
        await catalog.Policies.Find(name) ?? throw Refusal.NotFound("policy", name);

    private static PolicyView View(PolicyRhythm rhythm) => new(rhythm.Policy, rhythm.Anchor, [.. rhythm.Policy.Schedules.Select(s => new ScheduleView(
        rhythm.Policy.Name, s, rhythm.Runs.FirstOrDefault(r => r.Schedule == s.Name)?.At, ScheduleDecision.Next(rhythm, s)))]);

    internal sealed record RunRequest(string? Schedule, string? Vm);
}
