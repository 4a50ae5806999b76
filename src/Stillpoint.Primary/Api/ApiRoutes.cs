using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Stillpoint.Primary;

/// <summary>The REST interface: one file a noun. Who may use an endpoint stands beside it; one that says nothing is the administrators'.</summary>
internal static class ApiRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1");
        SessionRoutes.Map(api);
        JoinRoutes.Map(api);
        PolicyRoutes.Map(api);
        HostRoutes.Map(api);
        KeyDomainRoutes.Map(api);
        StorageUnitRoutes.Map(api);
        JobRoutes.Map(api);
        ImageRoutes.Map(api);
        RestoreRoutes.Map(api);
        UserRoutes.Map(api);
        TokenRoutes.Map(api);
        AuditRoutes.Map(api);
        routes.MapOpenApi("/openapi/{documentName}.json").RequireAuthorization(Roles.Viewer);
    }
}
