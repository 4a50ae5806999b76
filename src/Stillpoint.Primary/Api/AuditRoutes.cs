using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>The audit log.</summary>
internal static class AuditRoutes
{
    public static void Map(IEndpointRouteBuilder api) =>
        api.MapGet("/audit", List).RequireAuthorization(Roles.Admin).WithTags("audit");

    private static async Task<Page<AuditEntry>> List(CatalogStore catalog, int? limit, string? after)
    {
        var most = Paging.Limit(limit);
        return Paging.Of(await catalog.Audit.List(most, Paging.Before(after)), most, e => e.Number);
    }
}
