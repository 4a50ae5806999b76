using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Accounts.</summary>
internal static class UserRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        var users = api.MapGroup("/users").WithTags("people");
        users.MapGet("", List).RequireAuthorization(Roles.Admin);
        users.MapPost("", Create).RequireAuthorization(Roles.Admin);
        users.MapPut("/{name}/password", SetPassword).RequireAuthorization(Roles.Admin);
        users.MapDelete("/{name}", Delete).RequireAuthorization(Roles.Admin);
    }

    private static async Task<Page<Account>> List(CatalogStore catalog, int? limit, string? after) =>
        Paging.ByName(await catalog.People.List(), a => a.Name, limit, after);

    private static async Task<IResult> Create(NewUser body, ClaimsPrincipal user, CatalogStore catalog, AuditLog audit, TimeProvider time)
    {
        if (!Names.AreSound(body.Name)) throw Refusal.Invalid("name", $"It must be {Names.Rule}.", "Give another.");
        if (body.Role is not { } role) throw Refusal.Invalid("role", "It must be viewer, operator or admin.", "Give one of them.");
        if (SignIn.Fault(body.Password) is { } fault) throw Refusal.Invalid("password", fault, "Choose another.");
        var account = new Account(body.Name!, role, time.GetUtcNow(), null);
        if (!await catalog.People.Create(account, SignIn.Hash(account.Name, body.Password!)))
            throw Refusal.Conflict($"user {account.Name}", "There is one of that name.", "Give another name.");
        await audit.Done(user, "user.create", account.Name, Words.Of(role));
        return Results.Created($"/api/v1/users/{account.Name}", account);
    }

    private static async Task<IResult> SetPassword(string name, OtherPassword body, ClaimsPrincipal user, CatalogStore catalog, AuditLog audit)
    {
        if (SignIn.Fault(body.Password) is { } fault) throw Refusal.Invalid("password", fault, "Choose another.");
        if (!await catalog.People.SetPassword(name, SignIn.Hash(name, body.Password!))) throw Refusal.NotFound("user", name);
        await audit.Done(user, "user.password", name);
        return Results.NoContent();
    }

    private static async Task<IResult> Delete(string name, ClaimsPrincipal user, CatalogStore catalog, AuditLog audit)
    {
        switch (await catalog.People.Delete(name))
        {
            case null: throw Refusal.NotFound("user", name);
            case false: throw Refusal.Conflict($"user {name}", "It is the last administrator.", "Make another administrator first.");
        }
        await audit.Done(user, "user.delete", name);
        return Results.NoContent();
    }

    internal sealed record NewUser(string? Name, UserRole? Role, string? Password);

    internal sealed record OtherPassword(string? Password);
}
