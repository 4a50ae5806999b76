using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Stillpoint.Catalog;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>Hosts and media servers join with a one-time token, and renew with the certificate that they have.</summary>
internal static class JoinRoutes
{
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(24);

    public static void Map(IEndpointRouteBuilder api)
    {
        api.MapPost("/join", Join).AllowAnonymous().WithTags("joining");
        api.MapPost("/renew", Renew).RequireAuthorization(Roles.Peer).WithTags("joining");
        api.MapGet("/join-tokens", List).RequireAuthorization(Roles.Admin).WithTags("joining");
        api.MapPost("/join-tokens", Create).RequireAuthorization(Roles.Admin).WithTags("joining");
    }

    private static async Task<JoinResponse> Join(
        JoinRequest body, CatalogStore catalog, CertificateAuthority authority, AuditLog audit, TimeProvider time)
    {
        if (body.Role is not (PeerRoles.Client or PeerRoles.Media)) throw Refusal.Invalid("role", "It must be client or media.", "Mend the request.");
        if (!Names.AreSound(body.Name)) throw Refusal.Invalid("name", $"It must be {Names.Rule}.", "Give another with --name.");
        if (string.IsNullOrEmpty(body.CsrPem)) throw Refusal.Invalid("csrPem", "It is missing.", "Mend the request.");
        if (!Secrets.IsPlausible(body.Token)) throw Unknown();
        var now = time.GetUtcNow();
        // Issued before the token is used up: a damaged request does not cost the token. It leaves only after that.
        var leaf = authority.Issue(body.CsrPem, body.Name, body.Role);
        if (await catalog.JoinTokens.Use(Secrets.Hash(body.Token), body.Role, body.Name, now) is not { } used)
        {
            await audit.Write(body.Name, "join", $"{body.Role} {body.Name}", refused: true, null);
            throw Unknown();
        }
        // Whoever takes a name takes its orders and its keys: only a token made for that very name may.
        if (used.Name is null && await IsTaken(catalog, body.Role, body.Name))
        {
            await audit.Write(body.Name, "join", $"{body.Role} {body.Name}", refused: true, "the name is taken");
            throw Refusal.Conflict($"name {body.Name}", "Another machine has joined under it.",
                $"Join with another --name; to replace that machine, make a token for it: stillpoint token create --for {(body.Role == PeerRoles.Client ? "host" : "media")} --name {body.Name}.");
        }
        if (body.Role == PeerRoles.Client) await catalog.Hosts.Add(new HostRecord { Name = body.Name, Joined = now, KeyDomain = body.Name });
        else await catalog.MediaServers.Add(new MediaServerRecord { Name = body.Name, Joined = now });
        await audit.Write(body.Name, "join", $"{body.Role} {body.Name}", refused: false, null);
        return new JoinResponse(leaf, authority.Pem);
    }

    private static async Task<bool> IsTaken(CatalogStore catalog, string role, string name) => role == PeerRoles.Client
        ? await catalog.Hosts.Find(name) is not null
        : (await catalog.MediaServers.List()).Any(m => m.Name == name);

    private static async Task<JoinResponse> Renew(RenewRequest body, ClaimsPrincipal user, CertificateAuthority authority, AuditLog audit)
    {
        var peer = PeerHandler.PeerOf(user)!;
        var leaf = authority.Issue(body.CsrPem ?? "", peer.Name, peer.Role);
        await audit.Done(user, "renew", $"{peer.Role} {peer.Name}");
        return new JoinResponse(leaf, authority.Pem);
    }

    private static async Task<Page<JoinToken>> List(CatalogStore catalog, CertificateAuthority authority) =>
        new([.. (await catalog.JoinTokens.List()).Select(t => Shown(t, null, authority))], null);

    private static async Task<IResult> Create(
        NewJoinToken body, ClaimsPrincipal user, CatalogStore catalog, CertificateAuthority authority, Secrets secrets, AuditLog audit,
        PrimaryOptions options)
    {
        var role = body.For switch
        {
            "host" or PeerRoles.Client => PeerRoles.Client,
            PeerRoles.Media => PeerRoles.Media,
            _ => throw Refusal.Invalid("for", "It must be host or media.", "Mend the request."),
        };
        if (body.Name is not null && !Names.AreSound(body.Name)) throw Refusal.Invalid("name", $"It must be {Names.Rule}.", "Give another.");
        var life = body.Hours is { } hours ? TimeSpan.FromHours(Math.Clamp(hours, 0, 1_000)) : s_longest;
        if (life <= TimeSpan.Zero || life > s_longest) throw Refusal.Invalid("hours", "A join token lasts at most 24 hours.", "Give from 1 to 24.");
        var now = options.Time.GetUtcNow();
        var token = new JoinTokenRecord(options.NewId(), role, body.Name, now, now + life, null, null);
        var secret = secrets.New("spj_");
        await catalog.JoinTokens.Add(token, Secrets.Hash(secret));
        await audit.Done(user, "join-token.create", $"{role} {body.Name}");
        return Results.Created((string?)null, Shown(token, secret, authority));
    }

    private static JoinToken Shown(JoinTokenRecord token, string? secret, CertificateAuthority authority) =>
        new(token.Id, secret, token.Role, token.Name, token.Expires, token.Used, authority.Fingerprint);

    private static Refusal Unknown() => new(StatusCodes.Status403Forbidden, new Trouble(
        null, "join token", "The token is unknown, used, over, or for another role or name.", "Make a new one: stillpoint token create."));

    internal sealed record NewJoinToken(string? For, string? Name, double? Hours);
}
