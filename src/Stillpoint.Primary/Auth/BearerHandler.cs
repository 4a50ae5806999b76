using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Stillpoint.Catalog;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>People and scripts: <c>Authorization: Bearer TOKEN</c>, a session's token or an API key.</summary>
internal sealed class BearerHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, CatalogStore catalog, AuditLog audit,
    TimeProvider time) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string TokenId = "token";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.ToString();
        if (!header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return AuthenticateResult.NoResult();
        var secret = header[7..].Trim();
        if (!Secrets.IsPlausible(secret) || await catalog.People.FindToken(Secrets.Hash(secret), time.GetUtcNow()) is not { } token)
            return AuthenticateResult.Fail("The token is unknown or over.");
        var identity = new ClaimsIdentity(
            [new(ClaimTypes.Name, token.User), new(ClaimTypes.Role, Words.Of(token.Role)), new(TokenId, token.Id.ToString())], Scheme.Name);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = "Bearer";
        return Problems.Write(Context, new Refusal(StatusCodes.Status401Unauthorized, new Trouble(
            null, "sign-in", "This needs a sign-in, and there is none or it is over.", "Sign in: stillpoint user login NAME --password-file FILE.")));
    }

    protected override async Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        await audit.Refused(Context.User, $"{Request.Method} {Request.Path}");
        await Problems.Write(Context, new Refusal(StatusCodes.Status403Forbidden, new Trouble(
            null, $"user {Roles.NameOf(Context.User)}", "This needs another role than the one that signed in.", "Ask an administrator.")));
    }
}
