using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>What the hub below was told, and how it answers.</summary>
internal sealed class HubRecord
{
    public ConcurrentQueue<(string Name, RoleHello Hello, string Connection)> Hellos { get; } = new();
    public ConcurrentQueue<Intent> Intents { get; } = new();
    public ConcurrentQueue<JobReport> Reports { get; } = new();
    public ConcurrentQueue<string> Lines { get; } = new();
    public Func<Intent, Task> OnIntent { get; set; } = _ => Task.CompletedTask;
    public Func<JobReport, CancellationToken, Task> OnReport { get; set; } = (_, _) => Task.CompletedTask;
    public byte[] GrantKey { get; init; } = new byte[32];
}

/// <summary>The primary's side of the control connection, on Kestrel and TLS, as small as it can be.</summary>
internal sealed class HubServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _disposed;

    private HubServer(WebApplication app)
    {
        _app = app;
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public Uri Address { get; }

    public IHubContext<RecordingHub> Hub => _app.Services.GetRequiredService<IHubContext<RecordingHub>>();

    public static async Task<HubServer> StartAsync(CertificateAuthority authority, HubRecord record, int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(record);
        builder.Services.AddSignalR(ControlProtocol.Configure).AddJsonProtocol(ControlProtocol.Configure);
        var peers = new PeerCertificates(authority.Certificate, TimeProvider.System);
        var leaf = authority.IssueServer("primary-1", ["localhost"]);
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, port, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = leaf;
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.ClientCertificateValidation = (client, _, _) => peers.TryReadClient(client, out _, out _);
        })));
        var app = builder.Build();
        app.UseWebSockets();
        app.MapHub<RecordingHub>(ControlProtocol.Path);
        await app.StartAsync();
        return new HubServer(app);
    }

    /// <summary>Ends as a process does that was killed: no goodbye on the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }
}

internal sealed class RecordingHub(HubRecord record) : Hub, IPrimaryCalls
{
    public Task<RoleWelcome> Hello(RoleHello hello)
    {
        LeafName(out var name);
        record.Hellos.Enqueue((name, hello, Context.ConnectionId));
        return Task.FromResult(new RoleWelcome("0.1.0", record.GrantKey));
    }

    public Task ReportPhase(Guid jobId, PhaseRecord phase) => Task.CompletedTask;

    public Task ReportProgress(Guid jobId, JobProgress progress) => Task.CompletedTask;

    public Task ReportLog(Guid jobId, string line)
    {
        record.Lines.Enqueue(line);
        return Task.CompletedTask;
    }

    public async Task RecordIntent(Intent intent)
    {
        await record.OnIntent(intent);
        record.Intents.Enqueue(intent);
    }

    public Task EndIntent(Guid intentId) => Task.CompletedTask;

    public async Task ReportOutcome(JobReport report)
    {
        await record.OnReport(report, Context.ConnectionAborted);
        record.Reports.Enqueue(report);
    }

    private void LeafName(out string name) => name = Context.GetHttpContext()!.Connection.ClientCertificate!.GetNameInfo(
        System.Security.Cryptography.X509Certificates.X509NameType.SimpleName, false);
}
