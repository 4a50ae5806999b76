using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;
using Stillpoint.Model;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>Every endpoint of the running server, as it lists them itself, against everybody who may come.</summary>
public sealed class AuthorizationTests : IAsyncLifetime
{
    private static readonly Guid s_id = new(1, 2, 3, new byte[8]);
    private PrimaryRig _rig = null!;

    public async ValueTask InitializeAsync() => _rig = await PrimaryRig.Start();

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task Each_endpoint_lets_in_exactly_whom_it_names()
    {
        using var anonymous = _rig.Anonymous();
        using var viewer = await _rig.Person(UserRole.Viewer);
        using var operators = await _rig.Person(UserRole.Operator);
        (string Who, UserRole? Role, Func<Task<HttpClient>> Http)[] people =
        [
            ("anonymous", null, () => Task.FromResult(anonymous)),
            ("viewer", UserRole.Viewer, () => Task.FromResult(viewer)),
            ("operator", UserRole.Operator, () => Task.FromResult(operators)),
            // A fresh session each time: two of the endpoints end the one that asks.
            ("admin", UserRole.Admin, Fresh),
        ];
        List<string> wrong = [];
        var endpoints = Endpoints();
        Assert.True(endpoints.Count > 35, $"only {endpoints.Count} endpoints found");
        foreach (var (method, path, _, policy) in endpoints)
        {
            foreach (var (who, role, http) in people)
            {
                if (who is "viewer" or "operator" && path.EndsWith("sessions/current", StringComparison.Ordinal)) continue;
                using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(_rig.Server.Address, path));
                if (method is "POST" or "PUT") request.Content = JsonContent.Create(new { });
                using var answer = await (await http()).SendAsync(request);
                var letIn = answer.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden);
                var should = policy switch
                {
                    // These answer for themselves who is wrong: by the same status.
                    "anonymous" when path.EndsWith("/sessions", StringComparison.Ordinal)
                        || path.EndsWith("/join", StringComparison.Ordinal) => letIn,
                    "anonymous" => true,
                    "peer" => false,
                    _ => role >= Enum.Parse<UserRole>(policy),
                };
                if (letIn != should) wrong.Add($"{method} {path} as {who}: {(int)answer.StatusCode}, it is for {policy}");
                if ((int)answer.StatusCode >= 500 && answer.StatusCode != HttpStatusCode.ServiceUnavailable)
                    wrong.Add($"{method} {path} as {who}: {(int)answer.StatusCode}");
            }
        }
        Assert.Empty(wrong);
    }

    [Fact]
    public void Anonymous_endpoints_are_health_sign_in_and_join()
    {
        Assert.Equal(["GET /api/v1/health", "POST /api/v1/join", "POST /api/v1/sessions"],
            Endpoints().Where(e => e.Policy == "anonymous").Select(e => $"{e.Method} {e.Path}").Order());
    }

    [Fact]
    public async Task The_matrix_is_what_was_decided()
    {
        var byRole = Endpoints().GroupBy(e => e.Policy).ToDictionary(g => g.Key, g => g.Select(e => $"{e.Method} {e.Path}").Order().ToList());
        Assert.All(byRole["Viewer"], e => Assert.True(
            e.StartsWith("GET ", StringComparison.Ordinal) || e.Contains("/tokens", StringComparison.Ordinal)
                || e.Contains("/me/", StringComparison.Ordinal)
                || e.Contains("/sessions/current", StringComparison.Ordinal), e));
        Assert.Equal(
            ["POST /api/v1/hosts/name/sweep", "POST /api/v1/hosts/name/test", $"POST /api/v1/jobs/{s_id}/cancel", $"POST /api/v1/jobs/{s_id}/retry", "POST /api/v1/policies/name/runs",
                "POST /api/v1/restores/disk", "POST /api/v1/restores/rollback", "POST /api/v1/restores/vm", "POST /api/v1/vms/name/preflight"], byRole["Operator"]);
        Assert.Contains("POST /api/v1/policies", byRole["Admin"]);
        Assert.Contains("GET /api/v1/audit", byRole["Admin"]);
        using var document = System.Text.Json.JsonDocument.Parse(await _rig.Admin.GetStringAsync(new Uri(_rig.Server.Address, "/openapi/v1.json")));
        var described = document.RootElement.GetProperty("paths").EnumerateObject().Count();
        Assert.Equal(Endpoints().Where(e => e.Path.StartsWith("/api/", StringComparison.Ordinal))
            .Select(e => e.Pattern).Distinct().Count(), described);
    }

    [Fact]
    public async Task A_wrong_password_is_refused_and_ten_lock_the_name_for_a_while()
    {
        using var http = _rig.Anonymous();
        Task<HttpResponseMessage> Try(string password) => http.PostAsJsonAsync("sessions", new { user = "admin", password });
        for (var i = 0; i < 10; i++) await PrimaryRig.Refused(await Try("wrong password"), HttpStatusCode.Unauthorized);
        Assert.True((await PrimaryRig.Refused(await Try("wrong password"), HttpStatusCode.TooManyRequests)).Retry);
        _rig.Time.Advance(TimeSpan.FromMinutes(16));
        await PrimaryRig.Refused(await Try("wrong password"), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_session_ends_by_time_by_sign_out_and_with_its_user()
    {
        using var viewer = await _rig.Person(UserRole.Viewer);
        var second = await SecondAdmin();
        Assert.Equal(HttpStatusCode.OK, (await viewer.GetAsync("jobs")).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await viewer.DeleteAsync("sessions/current")).StatusCode);
        await PrimaryRig.Refused(await viewer.GetAsync("jobs"), HttpStatusCode.Unauthorized);

        using var again = _rig.As((await _rig.SignIn("viewer-1", "a long password")).Token);
        _rig.Time.Advance(TimeSpan.FromHours(13));
        await PrimaryRig.Refused(await again.GetAsync("jobs"), HttpStatusCode.Unauthorized);

        using var last = _rig.As((await _rig.SignIn("viewer-1", "a long password")).Token);
        using var admin = _rig.As((await _rig.SignIn("admin-2", second)).Token);
        Assert.Equal(HttpStatusCode.NoContent, (await admin.DeleteAsync("users/viewer-1")).StatusCode);
        await PrimaryRig.Refused(await last.GetAsync("jobs"), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task An_api_key_has_at_most_the_rights_of_who_made_it_and_no_secret_is_shown_twice()
    {
        using var operators = await _rig.Person(UserRole.Operator);
        await PrimaryRig.Refused(await operators.PostAsJsonAsync("tokens", new { name = "k", role = "admin" }), HttpStatusCode.BadRequest);
        var issued = await PrimaryRig.Read<IssuedToken>(await operators.PostAsJsonAsync("tokens", new { name = "k", role = "viewer", days = 2 }));
        using var key = _rig.As(issued.Token);
        Assert.Equal(HttpStatusCode.OK, (await key.GetAsync("jobs")).StatusCode);
        await PrimaryRig.Refused(await key.PostAsync($"jobs/{s_id}/cancel", null), HttpStatusCode.Forbidden);
        Assert.DoesNotContain(issued.Token, await _rig.Admin.GetStringAsync("tokens"));
        Assert.Contains(await Entries(), e => e is { Who: "operator-1", Refused: true });
    }

    [Fact]
    public async Task The_last_administrator_stays_and_the_first_passwords_file_goes_at_the_first_sign_in()
    {
        Assert.False(File.Exists(Path.Combine(_rig.Data, "first-password")));
        await PrimaryRig.Refused(await _rig.Admin.DeleteAsync("users/admin"), HttpStatusCode.Conflict);
        Assert.Equal(_rig.Server.Fingerprint, (await File.ReadAllTextAsync(Path.Combine(_rig.Data, "ca.sha256"))).Trim());
    }

    [Fact]
    public async Task Secrets_are_nowhere_in_the_data_folder()
    {
        var token = await _rig.Post<JoinToken>("join-tokens", new { @for = "host" });
        var session = await _rig.SignIn("admin-2", await SecondAdmin());
        foreach (var file in Directory.EnumerateFiles(_rig.Data, "catalog.db*"))
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var copy = new MemoryStream();
            await stream.CopyToAsync(copy);
            var bytes = System.Text.Encoding.Latin1.GetString(copy.ToArray());
            foreach (var secret in (string[])[token.Token!, session.Token, "another long password"]) Assert.DoesNotContain(secret, bytes);
        }
    }

    private async Task<HttpClient> Fresh() => _rig.As((await _rig.SignIn("admin-2", await SecondAdmin())).Token);

    private async Task<string> SecondAdmin()
    {
        const string Password = "another long password";
        using var made = await _rig.Admin.PostAsJsonAsync("users", new { name = "admin-2", role = "admin", password = Password });
        return Password;
    }

    private async Task<IReadOnlyList<AuditEntry>> Entries() => (await _rig.Get<Page<AuditEntry>>("audit")).Items;

    private List<(string Method, string Path, string Pattern, string Policy)> Endpoints() =>
    [
        .. from endpoint in _rig.Server.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>().Distinct()
           let methods = endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]
           from method in methods.Count == 0 ? ["GET"] : methods
           select (method, Filled(endpoint.RoutePattern), endpoint.RoutePattern.RawText ?? "", PolicyOf(endpoint)),
    ];

    private static string PolicyOf(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null
        ? "anonymous"
        : endpoint.Metadata.GetMetadata<IAuthorizeData>()?.Policy ?? "Admin";

    private static string Filled(RoutePattern pattern) => "/" + string.Join('/', pattern.PathSegments.Select(
        segment => string.Concat(segment.Parts.Select(part => part switch
    {
        RoutePatternLiteralPart literal => literal.Content,
        RoutePatternParameterPart { Name: "id" } => s_id.ToString(),
        RoutePatternParameterPart { Name: "documentName" } => "v1",
        RoutePatternSeparatorPart separator => separator.Content,
        _ => "name",
    }))));
}
