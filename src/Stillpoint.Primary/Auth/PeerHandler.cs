using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Stillpoint.Catalog;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>Our own roles: the TLS client certificate must be a sound leaf of our authority for a client or a media server. Its subject is the
/// name. Any other certificate is as good as none.</summary>
internal sealed class PeerHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, PeerCertificates certificates)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    private const string Serial = "serial";
    private string _reason = "";

    /// <summary>The peer of a connection that this handler let in; null for anybody else.</summary>
    public static Peer? PeerOf(ClaimsPrincipal? user) =>
        user?.Identity is { AuthenticationType: Roles.Peer }
            ? new Peer(user.FindFirstValue(ClaimTypes.Name)!, user.FindFirstValue(ClaimTypes.Role)!, user.FindFirstValue(Serial)!)
            : null;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var presented = Context.Connection.ClientCertificate;
        if (presented is null)
        {
            _reason = "it presented no certificate";
            return Task.FromResult(AuthenticateResult.NoResult());
        }
        if (!certificates.TryReadClient(presented, out var peer, out _reason)) return Task.FromResult(AuthenticateResult.Fail(_reason));
        if (peer!.Role is not (PeerRoles.Client or PeerRoles.Media))
        {
            _reason = $"a {peer.Role} has nothing to do here";
            return Task.FromResult(AuthenticateResult.Fail(_reason));
        }
        var identity = new ClaimsIdentity(
            [new(ClaimTypes.Name, peer.Name), new(ClaimTypes.Role, peer.Role), new(Serial, peer.Serial)], Roles.Peer);
        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name)));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Logger.LogWarning("{Address} refused at {Path}: {Reason}", Context.Connection.RemoteIpAddress, Request.Path, _reason);
        return Problems.Write(Context, new Refusal(StatusCodes.Status401Unauthorized, new Trouble(
            null, "certificate", $"This peer is refused: {_reason}.", "Let the host or media server join again with a fresh token.")));
    }
}
