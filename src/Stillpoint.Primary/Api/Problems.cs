using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;

namespace Stillpoint.Primary;

/// <summary>An error as RFC 9457 has it, with what a person needs besides.</summary>
/// <param name="Title">The status in words.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Detail">What went wrong.</param>
/// <param name="Culprit">Who is to blame.</param>
/// <param name="Next">What to do.</param>
/// <param name="Retry">True when the same request may succeed later.</param>
/// <param name="Findings">Each finding, where several things are wrong.</param>
internal sealed record ProblemBody(
    string Title, int Status, string Detail, string Culprit, string Next, bool Retry, IReadOnlyList<string>? Findings);

/// <summary>Turns what was thrown into a problem. What nobody foresaw is logged and answered without its details.</summary>
internal sealed class Problems(ILogger<Problems> log) : IExceptionHandler
{
    private const string ContentType = "application/problem+json";

    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.Response.HasStarted) return false;
        if (exception is OperationCanceledException && httpContext.RequestAborted.IsCancellationRequested) return true;
        await Write(httpContext, Of(exception));
        return true;
    }

    /// <summary>Answers with a refusal.</summary>
    public static Task Write(HttpContext context, Refusal refusal)
    {
        var trouble = refusal.Trouble;
        context.Response.StatusCode = refusal.Status;
        var body = new ProblemBody(
            ReasonPhrases.GetReasonPhrase(refusal.Status), refusal.Status, trouble.Message, trouble.Culprit, trouble.NextStep, trouble.Retry,
            refusal.Findings.Count > 0 ? refusal.Findings : null);
        return context.Response.WriteAsJsonAsync(body, Words.Json, ContentType);
    }

    private Refusal Of(Exception exception)
    {
        switch (exception)
        {
            case Refusal refusal:
                return refusal;
            case TroubleException { Trouble: var trouble }:
                return new Refusal(trouble.Retry ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status409Conflict, trouble);
            case BadHttpRequestException bad:
                return new Refusal(bad.StatusCode, new Trouble(
                    null, "request", Sentence(bad.InnerException?.Message ?? bad.Message), "Mend the request; /openapi/v1.json describes it."));
            default:
                log.LogError(exception, "a request failed");
                return new Refusal(StatusCodes.Status500InternalServerError, new Trouble(
                    null, "primary server", "The request failed for a reason that was not foreseen.", "Look at the primary server's log."));
        }
    }

    private static string Sentence(string text) => text.EndsWith('.') ? text : text + ".";
}
