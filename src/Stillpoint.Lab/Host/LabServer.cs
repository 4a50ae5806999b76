using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Stillpoint.Durable;

namespace Stillpoint.Lab;

/// <summary>
/// A simulated Hyper-V host. WS-Management is at <c>/wsman</c>, over HTTPS and, when asked for, over HTTP; the lab's own controls are at
/// <c>/lab/…</c>, over HTTPS only. In its data folder stand <c>certificate.sha256</c>, <c>password</c>, <c>path-map</c> and <c>endpoints.json</c>.
/// </summary>
public sealed class LabServer : IAsyncDisposable
{
    private const int MaxRequest = 1 << 20;
    private readonly WebApplication _application;
    private readonly LabParts _parts;
    private readonly WriteLoop _writes;

    private LabServer(WebApplication application, LabParts parts, WriteLoop writes, string dataFolder)
    {
        _application = application;
        _parts = parts;
        _writes = writes;
        var addresses = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(a => new Uri(a)).ToLookup(a => a.Scheme);
        Address = addresses[Uri.UriSchemeHttps].Single();
        HttpAddress = addresses[Uri.UriSchemeHttp].SingleOrDefault();
        DataFolder = dataFolder;
    }

    /// <summary>Where it listens for HTTPS, with the port that was taken.</summary>
    public Uri Address { get; }

    /// <summary>Where it listens for HTTP; null for nowhere.</summary>
    public Uri? HttpAddress { get; }

    /// <summary>Folder of everything the lab keeps.</summary>
    public string DataFolder { get; }

    /// <summary>SHA-256 of the certificate, hex.</summary>
    public string Fingerprint => _parts.Identity.Certificate.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256);

    /// <summary>How a client on Linux finds the host's files: <c>C:\=FOLDER</c>.</summary>
    public string PathMap => $@"C:\={_parts.Context.Paths.Drive}";

    /// <summary>Starts a lab: makes what is missing, takes up what was left.</summary>
    /// <exception cref="ArgumentException">A VM's name or a disk is not fit.</exception>
    /// <exception cref="IOException">The address is in use, or the data folder cannot be written.</exception>
    public static async Task<LabServer> StartAsync(LabOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var logs = LoggerFactory.Create(ConfigureLogs);
        LabParts? parts = null;
        WebApplication? application = null;
        try
        {
            parts = new LabParts(options, logs);
            var wanted = new Furnishing(parts.Context).Run(options);
            parts.Resume();
            foreach (var (machine, checkpoints) in wanted) await parts.CheckpointAsync(machine, checkpoints, cancel);
            application = Build(options, parts);
            await application.StartAsync(cancel);
        }
        catch
        {
            if (application is not null) await application.DisposeAsync();
            if (parts is not null) await parts.DisposeAsync();
            throw;
        }
        var server = new LabServer(application, parts, new WriteLoop(parts, options), Path.GetFullPath(options.DataFolder));
        server.WriteEndpoints();
        return server;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _writes.DisposeAsync();
        await _application.StopAsync();
        await _application.DisposeAsync();
        await _parts.DisposeAsync();
    }

    private static void ConfigureLogs(ILoggingBuilder logs) =>
        logs.AddFilter("Microsoft", LogLevel.Warning)
            // A start that fails is thrown to the caller, who says it in one line.
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None)
            .AddSimpleConsole(c => c.SingleLine = true)
            .AddConsole(c => c.LogToStandardErrorThreshold = LogLevel.Trace);

    private static WebApplication Build(LabOptions options, LabParts parts)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        ConfigureLogs(builder.Logging);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxRequest;
            kestrel.Listen(options.Listen, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                // A host asks for a certificate and takes any; whether it is mapped to an account is decided after.
                listen.UseHttps(parts.Identity.Certificate, https =>
                {
                    https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                    https.ClientCertificateValidation = (_, _, _) => true;
                });
            });
            if (options.ListenHttp is { } http) kestrel.Listen(http, listen => listen.Protocols = HttpProtocols.Http1);
        });
        var application = builder.Build();
        Map(application, parts);
        return application;
    }

    private static void Map(WebApplication application, LabParts parts)
    {
        application.Use(async (context, next) =>
        {
            if (parts.Door.Admit(context) is not { } visitor) return;
            context.Features.Set(visitor);
            var isControl = context.Request.Path.StartsWithSegments("/lab", StringComparison.Ordinal);
            if (isControl && (!context.Request.IsHttps || visitor.Account.Rights != AccountRights.Administrator))
            {
                context.Response.StatusCode = (int)HttpStatusCode.Forbidden;
                return;
            }
            await next(context);
        });
        application.UseRouting();
        WsManEndpoint.Map(application, parts);
        ControlEndpoints.Map(application, parts);
        application.UseEndpoints(_ => { });
    }

    private void WriteEndpoints()
    {
        var endpoints = new
        {
            wsman = new Uri(Address, "/wsman").ToString(),
            wsmanHttp = HttpAddress is null ? null : new Uri(HttpAddress, "/wsman").ToString(),
            control = new Uri(Address, "/lab").ToString(),
        };
        DurableFile.Replace(Path.Combine(DataFolder, "endpoints.json"), JsonSerializer.SerializeToUtf8Bytes(endpoints));
        DurableFile.Replace(Path.Combine(DataFolder, "path-map"), Encoding.UTF8.GetBytes(PathMap + "\n"));
    }
}
