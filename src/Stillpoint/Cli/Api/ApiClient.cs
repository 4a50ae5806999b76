using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Cli;

/// <summary>The primary server's REST interface. Its refusals come as <see cref="CommandFailedException"/> with the exit code that scripts
/// rely on; that it cannot be reached comes as a <see cref="TroubleException"/> that may be tried again.</summary>
internal sealed class ApiClient : IDisposable
{
    // A question that waits for a change is answered within a minute.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(100);
    private readonly HttpClient _http;
    private readonly AuthorityPin _pin;
    private readonly Uri _server;

    public ApiClient(Uri server, AuthorityPin pin, string? token)
    {
        (_server, _pin) = (server, pin);
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        handler.SslOptions.RemoteCertificateValidationCallback = pin.Accept;
        _http = new HttpClient(handler) { BaseAddress = new Uri(server, "/api/v1/"), Timeout = s_patience };
        if (token is not null) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public Task<T> Get<T>(string path, CancellationToken cancel) => Send<T>(HttpMethod.Get, path, null, cancel);

    public Task<T> Post<T>(string path, object? body, CancellationToken cancel) => Send<T>(HttpMethod.Post, path, body ?? new { }, cancel);

    public Task<T> Put<T>(string path, object body, CancellationToken cancel) => Send<T>(HttpMethod.Put, path, body, cancel);

    public Task Delete(string path, CancellationToken cancel) => Send<Nothing?>(HttpMethod.Delete, path, null, cancel);

    /// <summary>A list, all its parts together up to <paramref name="most"/>.</summary>
    public async Task<IReadOnlyList<T>> List<T>(string path, CancellationToken cancel, int most = int.MaxValue)
    {
        List<T> all = [];
        string? after = null;
        var sign = path.Contains('?') ? '&' : '?';
        do
        {
            var limit = Math.Min(500, most - all.Count);
            var part = await Get<Page<T>>($"{path}{sign}limit={limit}{(after is null ? "" : $"&after={Uri.EscapeDataString(after)}")}", cancel);
            all.AddRange(part.Items);
            after = part.Next;
        }
        while (after is not null && all.Count < most);
        return all;
    }

    public void Dispose() => _http.Dispose();

    private async Task<T> Send<T>(HttpMethod method, string path, object? body, CancellationToken cancel)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path);
            if (body is not null) request.Content = JsonContent.Create(body, body.GetType(), options: Words.Json);
            using var answer = await _http.SendAsync(request, cancel);
            if (!answer.IsSuccessStatusCode) throw await Refused(answer, cancel);
            return answer.StatusCode == HttpStatusCode.NoContent ? default! : (await answer.Content.ReadFromJsonAsync<T>(Words.Json, cancel))!;
        }
        catch (HttpRequestException e)
        {
            throw _pin.Refusal.Length > 0
                ? new CommandFailedException(ExitCodes.NotAuthorized, $"{_server} is not the server whose fingerprint is known: {_pin.Refusal}.",
                    "Compare the fingerprint with what the primary server prints; if it has a new authority, sign in again with --fingerprint.")
                : Unreachable(e.InnerException?.Message ?? e.Message, e);
        }
        catch (TaskCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw Unreachable("it does not answer", e);
        }
        catch (JsonException e)
        {
            throw new CommandFailedException(ExitCodes.Failed, $"the answer of {_server} cannot be read: {e.Message}",
                "Use the same version on both sides.");
        }
    }

    private TroubleException Unreachable(string why, Exception inner) =>
        new($"primary server {_server}", $"It cannot be reached: {why}.", "Check the address and that it runs.", retry: true, inner);

    private static async Task<CommandFailedException> Refused(HttpResponseMessage answer, CancellationToken cancel)
    {
        var code = answer.StatusCode switch
        {
            HttpStatusCode.NotFound => ExitCodes.NotFound,
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ExitCodes.NotAuthorized,
            _ => ExitCodes.Failed,
        };
        Problem? problem = null;
        try
        {
            if (answer.Content.Headers.ContentType?.MediaType == "application/problem+json")
                problem = await answer.Content.ReadFromJsonAsync<Problem>(Words.Json, cancel);
        }
        catch (JsonException)
        {
            // What follows says the status at least.
        }
        if (problem is null) return new CommandFailedException(code, $"The primary server answered {(int)answer.StatusCode} {answer.ReasonPhrase}.");
        var detail = problem.Findings is { Count: > 1 } ? string.Concat(problem.Findings.Select(f => "\n  " + f)) : " " + problem.Detail;
        return new CommandFailedException(code, $"{problem.Culprit}:{detail}", problem.Next);
    }

    private sealed record Problem(string? Detail, string? Culprit, string? Next, IReadOnlyList<string>? Findings);

    private sealed record Nothing;
}
