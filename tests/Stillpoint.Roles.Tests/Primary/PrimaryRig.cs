using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Cli;
using Stillpoint.Model;
using Stillpoint.Primary;
using Stillpoint.Roles.Tests.Transport;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>A primary server on a port of its own with a real catalog, its clock in the test's
/// hand, and ways to come as a person or as a role.</summary>
internal sealed class PrimaryRig : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<IAsyncDisposable> _peers = [];
    private int _ids;
    private int _folders;

    public FakeTimeProvider Time { get; private init; } = new(new DateTimeOffset(2030, 5, 1, 12, 0, 0, TimeSpan.Zero));

    public PrimaryServer Server { get; private set; } = null!;

    public string Data => Path.Combine(_folder.Path, "primary");

    /// <summary>Signed in as the first administrator.</summary>
    public HttpClient Admin { get; private set; } = null!;

    public static Task<PrimaryRig> Start() => Start(new PrimaryRig());

    /// <summary>One whose clock stands at the machine's time, so that certificates hold for other processes too.</summary>
    public static Task<PrimaryRig> StartNow() => Start(new PrimaryRig { Time = new FakeTimeProvider(TimeProvider.System.GetUtcNow()) });

    private static async Task<PrimaryRig> Start(PrimaryRig rig)
    {
        await rig.StartServer();
        var password = rig.Server.FirstPassword!;
        rig.Admin = rig.As((await rig.SignIn("admin", password)).Token);
        return rig;
    }

    /// <summary>Starts the server on its folder: the first time, or again on the same port.</summary>
    public async Task StartServer(int port = 0) => Server = await PrimaryServer.Start(new PrimaryOptions
    {
        DataFolder = Data,
        Listen = $"127.0.0.1:{port}",
        KeyFormat = new ChunkKeyFormat(),
        Time = Time,
        NewId = NextId,
        PasswordCost = 1_000,
    });

    /// <summary>Stops the server and starts it again on the same folder and port.</summary>
    public async Task RestartServer()
    {
        var port = Server.Address.Port;
        await Server.DisposeAsync();
        await StartServer(port);
    }

    public Guid NextId()
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteInt32BigEndian(bytes, Interlocked.Increment(ref _ids));
        bytes[15] = 1;
        return new Guid(bytes, bigEndian: true);
    }

    public HttpClient Anonymous() => As(null);

    /// <summary>Over HTTPS as users come: the authority pinned by its fingerprint.</summary>
    public HttpClient As(string? token, Func<SocketsHttpHandler, SocketsHttpHandler>? adjust = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = new AuthorityPin(Server.Fingerprint, Time).Accept;
        var http = new HttpClient(adjust?.Invoke(handler) ?? handler) { BaseAddress = new Uri(Server.Address, "/api/v1/") };
        if (token is not null) http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return http;
    }

    public async Task<IssuedToken> SignIn(string user, string password)
    {
        using var http = Anonymous();
        return await Read<IssuedToken>(await http.PostAsJsonAsync("sessions", new { user, password }, Words.Json));
    }

    /// <summary>A person of the given role, signed in.</summary>
    public async Task<HttpClient> Person(UserRole role)
    {
        var name = Words.Of(role) + "-1";
        using var made = await Admin.PostAsJsonAsync("users", new { name, role, password = "a long password" }, Words.Json);
        return As((await SignIn(name, "a long password")).Token);
    }

    public static async Task<T> Read<T>(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{(int)answer.StatusCode} {text}");
        return System.Text.Json.JsonSerializer.Deserialize<T>(text, Words.Json)!;
    }

    public static async Task<Problem> Refused(HttpResponseMessage answer, HttpStatusCode status)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == status, $"{(int)answer.StatusCode} {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        return System.Text.Json.JsonSerializer.Deserialize<Problem>(text, Words.Json)!;
    }

    public async Task<T> Get<T>(string path) => await Read<T>(await Admin.GetAsync(path));

    public async Task<T> Post<T>(string path, object? body) => await Read<T>(await Admin.PostAsJsonAsync(path, body, Words.Json));

    public async Task<RoleIdentity> Join(string role, string name)
    {
        var token = await Post<JoinToken>("join-tokens", new { @for = role, name });
        var folder = Path.Combine(_folder.Path, $"{name}-{Interlocked.Increment(ref _folders)}");
        return await new JoinClient(Server.Address, Time).JoinAsync(new JoinRequest(token.Token!, name, role, ""), token.Fingerprint, folder);
    }

    /// <summary>A client that does what the test says, over the real control connection.</summary>
    public async Task<ScriptedClient> Client(string name)
    {
        var client = new ScriptedClient(Server.Address, await Join(PeerRoles.Client, name));
        _peers.Add(client);
        await client.Connect();
        return client;
    }

    /// <summary>A media server that makes every storage unit that it is asked for.</summary>
    public async Task<ScriptedMedia> Media(string name)
    {
        var media = new ScriptedMedia(Server.Address, await Join(PeerRoles.Media, name));
        _peers.Add(media);
        await media.Connect();
        return media;
    }

    /// <summary>One that has the storage unit <c>main</c>.</summary>
    public async Task<ScriptedMedia> MediaWithUnit()
    {
        var media = await Media("media-1");
        await Post<StorageUnitView>("storage-units", new StorageUnitRequest("main", null, "/srv/main"));
        return media;
    }

    /// <summary>Waits, by the wall clock, for what must come about; the product's own
    /// time stands still meanwhile unless <paramref name="step"/> moves it.</summary>
    public async Task<T> Eventually<T>(Func<Task<T>> look, Func<T, bool> good, TimeSpan step = default)
    {
        T seen = default!;
        for (var attempt = 0; attempt < 600; attempt++)
        {
            seen = await look();
            if (good(seen)) return seen;
            if (step > TimeSpan.Zero) Time.Advance(step);
            await Task.Delay(25);
        }
        Assert.Fail($"did not come about; last seen: {seen}");
        return seen;
    }

    public Task<JobView> Job(Guid id, Func<Job, bool> good, TimeSpan step = default) =>
        Eventually(() => Get<JobView>($"jobs/{id}"), view => good(view.Job), step);

    public async ValueTask DisposeAsync()
    {
        foreach (var peer in _peers) await peer.DisposeAsync();
        Admin?.Dispose();
        await Server.DisposeAsync();
        _folder.Dispose();
    }

    internal sealed record Problem(string Title, int Status, string Detail, string Culprit, string Next, bool Retry, IReadOnlyList<string>? Findings);
}
