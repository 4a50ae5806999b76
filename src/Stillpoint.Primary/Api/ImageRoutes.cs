using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Images.</summary>
internal static class ImageRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        var images = api.MapGroup("/images").WithTags("images");
        images.MapGet("", List).RequireAuthorization(Roles.Viewer);
        images.MapGet("/{id}", (string id, CatalogStore catalog) => References.Image(catalog, id)).RequireAuthorization(Roles.Viewer);
    }

    private static async Task<Page<ImageRecord>> List(CatalogStore catalog, string? vm, string? host, string? policy, int? limit, string? after)
    {
        var most = Paging.Limit(limit);
        var images = await catalog.Images.List(new ImageFilter(vm, host, policy), most, Paging.Before(after));
        return Paging.Of(images, most, i => i.Number);
    }
}
