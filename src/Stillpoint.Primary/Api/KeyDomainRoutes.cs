using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Key domains: which there are, and their rotation. No key ever leaves by this interface.</summary>
internal static class KeyDomainRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        var domains = api.MapGroup("/key-domains").WithTags("keys");
        domains.MapGet("", List).RequireAuthorization(Roles.Viewer);
        domains.MapPost("/{name}/rotate", Rotate).RequireAuthorization(Roles.Admin)
            .WithSummary("Begins the next epoch: jobs that start from now on seal under a new data key.");
    }

    private static async Task<Page<KeyDomainView>> List(KeyDomains keys, CatalogStore catalog, int? limit, string? after)
    {
        var hosts = await catalog.Hosts.List();
        return Paging.ByName(keys.List().Select(d => View(d.Name, d.Label, hosts)), d => d.Name, limit, after);
    }

    private static async Task<KeyDomainView> Rotate(string name, ClaimsPrincipal user, KeyDomains keys, CatalogStore catalog, AuditLog audit)
    {
        if (keys.List().All(d => d.Name != name)) throw Refusal.NotFound("key-domain", name);
        var key = keys.Rotate(name);
        await audit.Done(user, "key-domain.rotate", name, $"epoch {key.Epoch}");
        var label = keys.List().Single(d => d.Name == name).Label;
        return View(name, label, await catalog.Hosts.List());
    }

    private static KeyDomainView View(string name, KeyLabel label, IReadOnlyList<HostRecord> hosts) =>
        new(name, label.Domain, label.Epoch, label.Locked, [.. hosts.Where(h => h.KeyDomain == name).Select(h => h.Name)]);
}
