using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Stillpoint.Lab;

/// <summary>WS-Management over HTTP: one request, one answer; faults come with status 500. Without TLS every message must be sealed
/// (<c>AllowUnencrypted=false</c>, a host's default).</summary>
internal static class WsManEndpoint
{
    private const string SoapType = "application/soap+xml;charset=UTF-8";

    /// <summary>Faults by name that stand in place of an answer.</summary>
    private static readonly (string Name, Func<SoapFault> Fault)[] Planned =
    [
        ("access-denied", SoapFault.AccessDenied), ("namespace-missing", SoapFault.Resource), ("operation-timeout", SoapFault.TimedOut),
        ("service-gone", SoapFault.ServiceGone), ("request-quota", SoapFault.Quota),
    ];

    /// <summary>Serves <c>POST /wsman</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes, LabParts parts) => routes.MapPost("/wsman", context => AnswerAsync(context, parts));

    private static async Task AnswerAsync(HttpContext context, LabParts parts)
    {
        var visitor = context.Features.Get<Visitor>()!;
        var type = context.Request.ContentType ?? "";
        var protocol = type.StartsWith("multipart/encrypted", StringComparison.OrdinalIgnoreCase) ? ProtocolOf(type) : null;
        if (protocol is null && !type.StartsWith("application/soap+xml", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return;
        }
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        var soap = protocol is not null ? Open(body.GetBuffer().AsMemory(0, (int)body.Length), protocol, visitor)
            : context.Request.IsHttps ? body.ToArray() : null;
        if (soap is null)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }
        var answer = Encoding.UTF8.GetBytes(Answer(soap, visitor, parts, out var isFault));
        context.Response.StatusCode = isFault ? StatusCodes.Status500InternalServerError : StatusCodes.Status200OK;
        context.Response.ContentType = protocol is null ? SoapType : SealedMessage.TypeFor(protocol);
        if (protocol is not null)
        {
            var (header, data) = visitor.Context!.Seal(answer);
            answer = SealedMessage.Write(protocol, answer.Length, header, data);
        }
        context.Response.ContentLength = answer.Length;
        await context.Response.Body.WriteAsync(answer, context.RequestAborted);
    }

    private static string Answer(byte[] soap, Visitor visitor, LabParts parts, out bool isFault)
    {
        isFault = true;
        if (visitor.Account.Rights != AccountRights.Administrator) return parts.WsMan.Refuse(SoapFault.AccessDenied());
        foreach (var (name, fault) in Planned)
        {
            if (parts.Faults.Fires(name, vm: null)) return parts.WsMan.Refuse(fault());
        }
        return parts.WsMan.Answer(new MemoryStream(soap), out isFault);
    }

    /// <summary>The envelope in a sealed body; null when the seal is broken or there is nobody to have sealed it.</summary>
    private static byte[]? Open(ReadOnlyMemory<byte> body, string protocol, Visitor visitor)
    {
        if (visitor.Context is not { } context || SealedMessage.Read(body, protocol) is not { } message) return null;
        return context.Open(message.Content.Span, message.HeaderLength) is { } soap && soap.Length == message.Length ? soap : null;
    }

    private static string? ProtocolOf(string type) =>
        type == SealedMessage.TypeFor(SealedMessage.SpnegoProtocol) ? SealedMessage.SpnegoProtocol
        : type == SealedMessage.TypeFor(SealedMessage.KerberosProtocol) ? SealedMessage.KerberosProtocol
        : null;
}
