using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Stillpoint.Lab;

/// <summary>WS-Management over HTTP: one request, one answer; faults come with status 500.</summary>
internal static class WsManEndpoint
{
    private const string ContentType = "application/soap+xml;charset=UTF-8";

    /// <summary>Serves <c>POST /wsman</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes, LabParts parts) => routes.MapPost("/wsman", context => AnswerAsync(context, parts));

    private static async Task AnswerAsync(HttpContext context, LabParts parts)
    {
        if (context.Request.ContentType?.StartsWith("application/soap+xml", StringComparison.OrdinalIgnoreCase) != true)
        {
            context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return;
        }
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        body.Position = 0;
        var isFault = true;
        var answer = parts.Faults.Fires("access-denied", vm: null) ? parts.WsMan.Deny() : parts.WsMan.Answer(body, out isFault);
        context.Response.StatusCode = isFault ? StatusCodes.Status500InternalServerError : StatusCodes.Status200OK;
        context.Response.ContentType = ContentType;
        var bytes = Encoding.UTF8.GetBytes(answer);
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }
}
