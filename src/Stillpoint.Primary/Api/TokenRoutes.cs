using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>API keys: everybody's own, with at most the rights of its owner. An administrator sees and ends them all.</summary>
internal static class TokenRoutes
{
    private const int MostDays = 366;

    public static void Map(IEndpointRouteBuilder api)
    {
        var tokens = api.MapGroup("/tokens").WithTags("people");
        tokens.MapGet("", List).RequireAuthorization(Roles.Viewer);
        tokens.MapPost("", Create).RequireAuthorization(Roles.Viewer);
        tokens.MapDelete("/{id:guid}", Delete).RequireAuthorization(Roles.Viewer);
    }

    private static async Task<Page<ApiToken>> List(ClaimsPrincipal user, CatalogStore catalog) => new(await catalog.People.Tokens(Whose(user)), null);

    private static async Task<IResult> Create(NewToken body, ClaimsPrincipal user, CatalogStore catalog, SignIn signIn, AuditLog audit)
    {
        if (!Names.AreSound(body.Name)) throw Refusal.Invalid("name", $"It must be {Names.Rule}.", "Give another.");
        if (body.Days is < 1 or > MostDays) throw Refusal.Invalid("days", $"It must be from 1 to {MostDays}.", "Give another.");
        var own = Roles.RoleOf(user)!.Value;
        var role = body.Role ?? own;
        if (role > own) throw Refusal.Invalid("role", "A token has at most the rights of who makes it.", $"Ask for {Words.Of(own)} or less.");
        var (account, _) = await catalog.People.Find(Roles.NameOf(user)) ?? throw Refusal.NotFound("user", Roles.NameOf(user));
        var issued = await signIn.Issue(account, role, body.Name!, TimeSpan.FromDays(body.Days ?? MostDays), session: false);
        await audit.Done(user, "token.create", body.Name!, Words.Of(role));
        return Results.Created($"/api/v1/tokens/{issued.Id}", issued);
    }

    private static async Task<IResult> Delete(Guid id, ClaimsPrincipal user, CatalogStore catalog, AuditLog audit)
    {
        if (!await catalog.People.DeleteToken(id, Whose(user))) throw Refusal.NotFound("token", id.ToString());
        await audit.Done(user, "token.delete", id.ToString());
        return Results.NoContent();
    }

    private static string? Whose(ClaimsPrincipal user) => Roles.RoleOf(user) == UserRole.Admin ? null : Roles.NameOf(user);

    internal sealed record NewToken(string? Name, UserRole? Role, int? Days);
}
