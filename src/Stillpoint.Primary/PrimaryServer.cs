using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Stillpoint.Catalog;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>
/// The primary server: certificate authority, catalog, job manager, scheduler; REST under <c>/api/v1</c> and the control connections under
/// <c>/control</c>, all on one HTTPS port. Its data folder holds <c>ca/</c>, <c>keys/</c>, <c>plan.key</c>, <c>catalog.db</c>, <c>ca.sha256</c> (the authority's
/// fingerprint), <c>endpoints.json</c> (<c>{"api", "fingerprint"}</c>) and, until the first sign-in, <c>first-password</c>.
/// </summary>
public sealed class PrimaryServer : IAsyncDisposable
{
    private const int LargestBody = 1024 * 1024;
    private readonly WebApplication _app;
    private readonly DataFolder _folder;

    private PrimaryServer(WebApplication app, DataFolder folder, string? firstPassword)
    {
        (_app, _folder, FirstPassword) = (app, folder, firstPassword);
        Fingerprint = app.Services.GetRequiredService<CertificateAuthority>().Fingerprint;
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    /// <summary>Where it listens; <c>0.0.0.0</c> and <c>[::]</c> mean every address of the machine.</summary>
    public Uri Address { get; }

    /// <summary>SHA-256 of the authority's certificate, 64 lower-case hexadecimal digits.</summary>
    public string Fingerprint { get; }

    /// <summary>The first administrator's password, when this start made it.</summary>
    public string? FirstPassword { get; }

    internal IServiceProvider Services => _app.Services;

    /// <summary>Starts a primary server; it serves when this returns.</summary>
    /// <exception cref="TroubleException">The folder is in use, something in it is damaged, or the address cannot be listened on.</exception>
    public static async Task<PrimaryServer> Start(PrimaryOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var listen = ListenAddress.Parse(options.Listen);
        var folder = DataFolder.Take(options.DataFolder);
        WebApplication? app = null;
        try
        {
            ListenAddress.Check(listen);
            var authority = CertificateAuthority.LoadOrCreate(folder.File("ca"), options.Time);
            DurableFile.Replace(folder.File("ca.sha256"), Encoding.ASCII.GetBytes(authority.Fingerprint + "\n"));
            var catalog = await CatalogStore.Open(folder.File("catalog.db"), options.Time, cancel);
            app = Build(options with { DataFolder = folder.Path }, listen, folder, authority, catalog);
            app.Services.GetRequiredService<KeyDomains>().Check();
            var password = await app.Services.GetRequiredService<FirstAccount>().Make(catalog, options.Time.GetUtcNow());
            await Serve(app, options.Listen, cancel);
            var server = new PrimaryServer(app, folder, password);
            var endpoints = new { api = server.Reachable().GetLeftPart(UriPartial.Authority), fingerprint = server.Fingerprint };
            DurableFile.Replace(folder.File("endpoints.json"), JsonSerializer.SerializeToUtf8Bytes(endpoints, Words.ReadableJson));
            return server;
        }
        catch
        {
            if (app is not null) await app.DisposeAsync();
            folder.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>The address with a name that this machine itself can use.</summary>
    private Uri Reachable() => Address.Host is "0.0.0.0" or "[::]" ? new UriBuilder(Address) { Host = "localhost" }.Uri : Address;

    private static async Task Serve(WebApplication app, string listen, CancellationToken cancel)
    {
        try
        {
            await app.StartAsync(cancel);
        }
        catch (IOException e)
        {
            throw ListenAddress.Refused(listen, e);
        }
    }

    private static WebApplication Build(
        PrimaryOptions options, IPEndPoint listen, DataFolder folder, CertificateAuthority authority, CatalogStore catalog)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        options.Logging?.Invoke(builder.Logging);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        // A request that a handler answered for is no error of the server.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Diagnostics.ExceptionHandlerMiddleware", LogLevel.None);
        // The framework's own protected cookies are not used here; it warns that their keys are not encrypted.
        builder.Logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LargestBody;
            kestrel.Listen(listen, port => port.UseHttps(Tls(authority)));
        });
        AddParts(builder.Services, options, folder, authority, catalog);
        AddProtocols(builder.Services);
        var app = builder.Build();
        app.UseExceptionHandler(_ => { });
        app.UseAuthentication();
        app.UseAuthorization();
        ApiRoutes.Map(app);
        app.MapHub<ControlHub>(ControlProtocol.Path, http => http.Transports = HttpTransportType.WebSockets).RequireAuthorization(Roles.Peer);
        return app;
    }

    private static HttpsConnectionAdapterOptions Tls(CertificateAuthority authority) => new()
    {
        ServerCertificate = authority.IssueServer("primary", ListenAddress.OwnNames()),
        ServerCertificateChain = [authority.Certificate],
        SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        // Browsers come without a certificate, our roles with one. Which certificate counts is PeerHandler's to say: one that does not is as
        // good as none, and gets an answer instead of a broken connection.
        ClientCertificateMode = ClientCertificateMode.AllowCertificate,
        ClientCertificateValidation = (_, _, _) => true,
        CheckCertificateRevocation = false,
    };

    private static void AddParts(
        IServiceCollection services, PrimaryOptions options, DataFolder folder, CertificateAuthority authority, CatalogStore catalog)
    {
        services.AddSingleton(options).AddSingleton(options.Time).AddSingleton(folder).AddSingleton(RandomNumberGenerator.Create());
        services.AddSingleton(_ => authority).AddSingleton(_ => catalog)
            .AddSingleton(_ => GrantSigner.LoadOrCreate(Path.Combine(folder.Path, "keys", "grant.key")));
        // Beside the folder of keys, where a key domain may have any name.
        services.AddSingleton(_ => PlanSigner.LoadOrCreate(folder.File("plan.key")));
        services.AddSingleton(new PeerCertificates(authority.Certificate, options.Time));
        services.AddSingleton<Secrets>().AddSingleton<Passwords>().AddSingleton<FirstAccount>().AddSingleton<SignIn>()
            .AddSingleton<AuditLog>().AddSingleton<KeyDomains>();
        services.AddSingleton<Connections>().AddSingleton<Arrivals>().AddSingleton<Inventories>().AddSingleton<HostViews>()
            .AddSingleton<ImageSync>().AddSingleton<ImageRebuild>().AddSingleton<UnitDeletions>().AddSingleton<RetentionPromises>().AddSingleton<VmSelector>();
        services.AddSingleton<JobWatch>().AddSingleton<JobEnds>().AddSingleton<JobReturns>().AddSingleton<JobReports>();
        services.AddSingleton<Orders>().AddSingleton<JobRequests>();
        services.AddSingleton<IHostLifetime, NoLifetime>();
        // First, so that it is stopped last: the others begin errands.
        services.AddSingleton<Errands>().AddHostedService(parts => parts.GetRequiredService<Errands>());
        services.AddSingleton<JobDispatcher>().AddHostedService(parts => parts.GetRequiredService<JobDispatcher>());
        services.AddHostedService<SchedulerLoop>();
    }

    private static void AddProtocols(IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(json => Words.Configure(json.SerializerOptions));
        services.AddExceptionHandler<Problems>();
        // A body that does not fit is answered as a problem too, not with an empty 400.
        services.Configure<RouteHandlerOptions>(handlers => handlers.ThrowOnBadRequest = true);
        services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, BearerHandler>(Roles.Bearer, null)
            .AddScheme<AuthenticationSchemeOptions, PeerHandler>(Roles.Peer, null);
        services.AddAuthorization(Roles.Configure);
        services.AddOpenApi("v1");
        services.AddSignalR(hub =>
        {
            ControlProtocol.Configure(hub);
            // Phases and log lines of a client keep their order. No call of ours asks its caller, so none waits for itself.
            hub.MaximumParallelInvocationsPerClient = 1;
        }).AddJsonProtocol(ControlProtocol.Configure);
    }
}
