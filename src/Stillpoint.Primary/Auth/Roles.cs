using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>Schemes and policies of authorization: one policy a role of people, each including the ones before it, and one for our own roles.</summary>
internal static class Roles
{
    public const string Bearer = "bearer";
    public const string Peer = "peer";
    public const string Viewer = nameof(UserRole.Viewer);
    public const string Operator = nameof(UserRole.Operator);
    public const string Admin = nameof(UserRole.Admin);

    public static void Configure(AuthorizationOptions options)
    {
        foreach (var role in Enum.GetValues<UserRole>())
        {
            options.AddPolicy(role.ToString(), policy => policy.AddAuthenticationSchemes(Bearer).RequireAuthenticatedUser()
                .RequireAssertion(context => RoleOf(context.User) >= role));
        }
        options.AddPolicy(Peer, policy => policy.AddAuthenticationSchemes(Peer).RequireAuthenticatedUser());
        // What forgot to say who may use it is closed to all but administrators.
        options.FallbackPolicy = options.GetPolicy(Admin);
    }

    /// <summary>What a signed-in person may do; null for anybody else.</summary>
    public static UserRole? RoleOf(ClaimsPrincipal user) =>
        user.FindFirstValue(ClaimTypes.Role) is { } word && Words.TryParse<UserRole>(word, out var role) ? role : null;

    /// <summary>The name of who asks.</summary>
    public static string NameOf(ClaimsPrincipal user) => user.FindFirstValue(ClaimTypes.Name) ?? "anonymous";
}
