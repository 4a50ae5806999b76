using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Health, signing in and out.</summary>
internal static class SessionRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        api.MapGet("/health", () => new Health("ok", ProductVersion.Text)).AllowAnonymous().WithTags("sessions");
        api.MapPost("/sessions", (Credentials body, SignIn signIn) => signIn.Session(body.User, body.Password)).AllowAnonymous().WithTags("sessions");
        api.MapDelete("/sessions/current", End).RequireAuthorization(Roles.Viewer).WithTags("sessions");
        api.MapGet("/me", (ClaimsPrincipal user) => new Me(Roles.NameOf(user), Roles.RoleOf(user)!.Value))
            .RequireAuthorization(Roles.Viewer).WithTags("sessions");
        api.MapPut("/me/password", SetPassword).RequireAuthorization(Roles.Viewer).WithTags("sessions");
    }

    private static async Task<IResult> End(ClaimsPrincipal user, CatalogStore catalog, AuditLog audit)
    {
        await catalog.People.DeleteToken(Guid.Parse(user.FindFirstValue(BearerHandler.TokenId)!), Roles.NameOf(user));
        await audit.Done(user, "sign-out", Roles.NameOf(user));
        return Results.NoContent();
    }

    private static async Task<IResult> SetPassword(NewPassword body, ClaimsPrincipal user, CatalogStore catalog, SignIn signIn, AuditLog audit)
    {
        var name = Roles.NameOf(user);
        if (SignIn.Fault(body.New) is { } fault) throw Refusal.Invalid("new", fault, "Choose another.");
        await signIn.Session(name, body.Old);
        await catalog.People.SetPassword(name, SignIn.Hash(name, body.New!));
        await audit.Done(user, "user.password", name);
        return Results.NoContent();
    }

    internal sealed record Health(string Status, string Version);

    internal sealed record Credentials(string? User, string? Password);

    internal sealed record Me(string Name, UserRole Role);

    internal sealed record NewPassword(string? Old, string? New);
}
