using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Hosts and the VMs that they hold.</summary>
internal static class HostRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        var hosts = api.MapGroup("/hosts").WithTags("hosts");
        hosts.MapGet("", List).RequireAuthorization(Roles.Viewer);
        hosts.MapGet("/{name}", Show).RequireAuthorization(Roles.Viewer);
        hosts.MapPost("/{name}/sweep", Sweep).RequireAuthorization(Roles.Operator);
        hosts.MapPost("/{name}/test", Test).RequireAuthorization(Roles.Operator);
        api.MapPost("/vms/{vm}/preflight", Preflight).RequireAuthorization(Roles.Operator).WithTags("hosts");
        api.MapGet("/vms/{vm}", Vm).RequireAuthorization(Roles.Viewer).WithTags("hosts");
        api.MapGet("/vms", Vms).RequireAuthorization(Roles.Viewer).WithTags("hosts");
    }

    private static async Task<Page<HostView>> List(CatalogStore catalog, HostViews views, int? limit, string? after) =>
        Paging.ByName((await catalog.Hosts.List()).Select(h => views.Of(h) with { Inventory = null }), h => h.Name, limit, after);

    private static async Task<HostView> Show(string name, CatalogStore catalog, HostViews views) =>
        views.Of(await catalog.Hosts.Find(name) ?? throw Refusal.NotFound("host", name));

    private static async Task<HostView> Test(
        string name, ClaimsPrincipal user, Inventories inventories, HostViews views, AuditLog audit)
    {
        var host = await inventories.Take(name);
        await audit.Done(user, "host.test", name);
        return views.Of(host);
    }

    private static async Task<SweepReport> Sweep(string name, ClaimsPrincipal user, Inventories inventories, AuditLog audit)
    {
        var report = await inventories.Sweep(name);
        await audit.Done(user, "host.sweep", name, $"{report.Cleared.Count} cleared");
        return report;
    }

    private static async Task<VmView> Vm(string vm, CatalogStore catalog, string? host) => await References.Vm(catalog, vm, host);

    private static async Task<PreflightReport> Preflight(
        string vm, ClaimsPrincipal user, CatalogStore catalog, Inventories inventories, AuditLog audit, string? host, string? policy)
    {
        var view = await References.Vm(catalog, vm, host);
        var asked = policy is null
            ? (await catalog.Policies.List()).Select(p => p.Policy).FirstOrDefault(p => Selects(p, view.Host, view.Vm))
            : (await catalog.Policies.Find(policy) ?? throw Refusal.NotFound("policy", policy)).Policy;
        var report = await inventories.Preflight(view, asked);
        await audit.Done(user, "vm.preflight", view.Vm.Id.ToString(), $"{view.Host} {view.Vm.Name}");
        return report;
    }

    private static async Task<Page<VmView>> Vms(CatalogStore catalog, string? host, int? limit, string? after) =>
        Paging.ByName(await All(catalog, host), v => $"{v.Vm.Name}\n{v.Host}\n{v.Vm.Id}", limit, after);

    /// <summary>The VMs of one host, or of all, as they were last seen.</summary>
    internal static async Task<IEnumerable<VmView>> All(CatalogStore catalog, string? host)
    {
        var newest = await catalog.Images.NewestByVm();
        var policies = await catalog.Policies.List();
        return from h in await catalog.Hosts.List()
                  where (host is null || h.Name == host) && h.Inventory is not null
                  from vm in h.Inventory!.Vms
                  select new VmView(h.Name, vm, [.. policies.Where(p => Selects(p.Policy, h.Name, vm)).Select(p => p.Policy.Name)],
                      newest.TryGetValue(vm.Id, out var at) ? at : null);
    }

    private static bool Selects(Policy policy, string host, VmInventory vm) => policy.Vms.Count == 0 || policy.Vms.Any(s => s.Host == host
        && (s.Vm is null || string.Equals(s.Vm, vm.Name, StringComparison.OrdinalIgnoreCase) || Guid.TryParse(s.Vm, out var id) && id == vm.Id));
}
