using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Stillpoint.Model;

namespace Stillpoint.HyperV;

/// <summary>What can go wrong between this machine and a host's WS-Management service, in words, with what to do.</summary>
internal sealed class TransportTroubles(HyperVHostOptions options, ServerTrust trust)
{
    private const string Rights = "Put the account into Administrators, or into Hyper-V Administrators and Remote Management Users.";

    private string Start => options.IsEncrypted
        ? "Start the WinRM service and its HTTPS listener (winrm quickconfig -transport:https); look at the firewall."
        : "Start the WinRM service and its listener (winrm quickconfig); look at the firewall.";

    private string Who => options.User.Length > 0 ? $"'{options.User}'" : "this process's account";

    public TroubleException Silent(TimeSpan patience, Exception inner) => Make($"gave no answer within {patience.TotalSeconds:0} s.",
        $"Look whether the host is up and not overloaded, and whether the network lets port {options.Url.Port} through.", retry: true, inner);

    public TroubleException NoConnection(Exception inner) => Make("did not take the connection in time.",
        $"Look whether the host is up and not overloaded, and whether the network lets port {options.Url.Port} through.", retry: true, inner);

    public TroubleException Broken(string what, Exception? inner = null) =>
        Make($"broke the connection off ({what}).", "Look whether the host is up; the next run tries again.", retry: true, inner);

    public TroubleException Unreadable(InvalidAnswerException inner) =>
        Make($"gave an answer that cannot be read: {inner.Message}.", "Look what answers at that address.", retry: false, inner);

    /// <summary>A status of HTTP that brings no SOAP.</summary>
    public TroubleException Status(HttpStatusCode status) => status switch
    {
        HttpStatusCode.Unauthorized => options.Authentication switch
        {
            HostAuthentication.Basic => Make($"refused the user name or the password of {Who}.",
                "Check the account and its password, and that the service allows Basic authentication over HTTPS "
                + "(winrm set winrm/config/service/auth @{Basic=\"true\"}); a domain account cannot use Basic.", retry: false),
            HostAuthentication.Certificate => Make("refused the client certificate.",
                "See that the service allows certificates (winrm set winrm/config/service/auth @{Certificate=\"true\"}), that its mapping names "
                + "this certificate's issuer and subject and the account's right password, and that the host trusts the issuer.", retry: false),
            _ => LoginRefused(options.Authentication.ToString()),
        },
        HttpStatusCode.Forbidden => Make($"does not let {Who} in (HTTP 403).", Rights, retry: false),
        HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout =>
            Make($"is too busy (HTTP {(int)status}).", "The next run tries again.", retry: true),
        _ => Make($"answered HTTP {(int)status} and no SOAP: it is no WS-Management service.", options.IsEncrypted
            ? "Give the address as https://HOST:5986/wsman and enable the HTTPS listener (winrm quickconfig -transport:https)."
            : "Give the address as http://HOST:5985/wsman and enable the listener (winrm quickconfig).", retry: false),
    };

    /// <summary>No package makes a first token for the account.</summary>
    public TroubleException NoToken(string reasons) => options.User.Length == 0
        ? Make($"cannot be logged in to as this process's account ({reasons}).",
            "Give a user and a password, or get a Kerberos ticket for this process first (kinit).", retry: false)
        : Make($"cannot be logged in to as {Who} ({reasons}).",
            "Kerberos: check the account and its password, write it NAME@REALM, and see that this machine's krb5.conf or DNS names the realm's "
            + "servers, that the clocks agree, and that the host is addressed by the name it has in the realm.", retry: false);

    public TroubleException LoginRefused(string package) => package == "Kerberos"
        ? Make($"refused the Kerberos ticket of {Who}.",
            $"See that the clocks agree and that the host is addressed by the name it has in the realm ({options.Url.IdnHost} is asked for as "
            + $"{options.ServicePrincipal ?? "HTTP/" + options.Url.IdnHost}). {Rights}", retry: false)
        : Make($"refused the user name or the password of {Who}.",
            "Check the account and its password, that it is not locked, disabled or expired, and that it may be used over the network. "
            + "Write a domain's account DOMAIN\\NAME.", retry: false);

    public TroubleException NotOffered(HttpResponseMessage response)
    {
        var offered = string.Join(", ", response.Headers.WwwAuthenticate.Select(h => h.Scheme).Distinct());
        return Make($"does not offer Negotiate ({(offered.Length > 0 ? $"it offers {offered}" : "it offers nothing")}).",
            "Allow it on the host (winrm set winrm/config/service/auth @{Negotiate=\"true\";Kerberos=\"true\"}), or log in another way "
            + "(--hyperv-auth).", retry: false);
    }

    public TroubleException Unproven(string package) => Make($"did not prove with {package} that it is that host.",
        "Find out who answers in its place.", retry: false);

    /// <summary>The host cannot be reached, or its TLS is not what it should be.</summary>
    public TroubleException From(HttpRequestException error)
    {
        for (Exception? cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
                return Make("refused the connection: nothing listens there.", Start, retry: true, error);
            if (cause is SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain })
                return Make("is not known by that name.", "Check the host's name and DNS.", retry: true, error);
            if (cause is AuthenticationException) return Certificate(error);
        }
        return Make($"cannot be reached ({error.Message}).",
            $"Look whether the host is up and the network lets port {options.Url.Port} through.", retry: true, error);
    }

    private TroubleException Certificate(Exception error) => trust.Mismatch is { } shown
        ? Make($"shows a certificate with the SHA-256 {shown}, which is not the pinned one.",
            "If its certificate was renewed, pin the new fingerprint; otherwise find out who answers in its place.", retry: false, error)
        : trust.Refusal is { } why
        ? Make($"shows a certificate that is not trusted ({why}).",
            "Pin the certificate's SHA-256 fingerprint, or name the authority that issued it (--hyperv-ca).", retry: false, error)
        : Make($"speaks no TLS that both sides take ({error.InnerException?.Message ?? error.Message}).",
            "See that the host's HTTPS listener is enabled and that it allows TLS 1.2.", retry: false, error);

    private TroubleException Make(string message, string nextStep, bool retry, Exception? inner = null) =>
        new($"host {options.Url.Host}", message, nextStep, retry, inner);
}
