using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Stillpoint.Durable;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Media;

/// <summary>
/// The media server: it keeps one connection to its primary server, remembers the storage units that were attached to it, and serves clients
/// on its data endpoint by the grants that they show. Its data folder holds <c>identity.pem</c>, <c>units.json</c>, <c>grant-key</c> (the
/// primary's public key, so that it can serve while the primary is away) and <c>endpoints.json</c>.
/// </summary>
public sealed class MediaRole : IAsyncDisposable
{
    private readonly MediaSettings _settings;
    private readonly AttachedUnits _units;
    private readonly DataServer _data;
    private readonly ControlConnection _control;
    private readonly UnitCollects _collects;
    private readonly ListedImages _listed;
    private int _disposed;

    private MediaRole(MediaSettings settings, RoleIdentity identity, AttachedUnits units, MediaEnvironment environment)
    {
        _settings = settings;
        _units = units;
        var grants = new GrantedUnits(units, Path.Combine(settings.Data, "grant-key"), environment);
        _data = new DataServer(identity, grants, new DataServerOptions(), environment.Time, environment.NewId, environment.Log);
        EndPoint = _data.Start(settings.Listen);
        var version = typeof(MediaRole).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
        _control = new ControlConnection(settings.Primary, identity, () => new RoleHello(PeerRoles.Media, version, DataAddress(), []),
            environment.Time, environment.Jitter, environment.Log)
        {
            OnWelcome = welcome => grants.UseKey(welcome.GrantKey),
        };
        _collects = new UnitCollects(environment.Log);
        _listed = new ListedImages(environment.Time);
        _control.Handle(new MediaCalls(units, _collects, _listed, environment));
    }

    /// <summary>Where the data endpoint listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>True while the primary is connected.</summary>
    public bool IsConnected => _control.IsConnected;

    /// <summary>Starts a media server whose data folder holds an identity already.</summary>
    /// <exception cref="TroubleException">No identity, a damaged folder, or an endpoint that cannot be had.</exception>
    public static async Task<MediaRole> StartAsync(MediaSettings settings, RoleIdentity identity, MediaEnvironment environment,
        CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(environment);
        if (identity.Self.Role != PeerRoles.Media)
        {
            throw new TroubleException($"identity of {settings.Data}", $"It is that of a {identity.Self.Role}.",
                "Give a media server a data folder of its own.");
        }
        Directory.CreateDirectory(settings.Data);
        var units = await AttachedUnits.LoadAsync(settings.Data, environment, cancel);
        var server = new MediaRole(settings, identity, units, environment);
        server.WriteEndpoints();
        server._control.Start();
        environment.Log.LogInformation("Media server '{Name}' serves data on {EndPoint}.", identity.Self.Name, server.EndPoint);
        return server;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _control.DisposeAsync();
        await _data.DisposeAsync();
        await _collects.DisposeAsync();
        _listed.Dispose();
        await _units.DisposeAsync();
    }

    private void WriteEndpoints()
    {
        var text = JsonSerializer.SerializeToUtf8Bytes(new { data = DataAddress() }, Words.ReadableJson);
        DurableFile.Replace(Path.Combine(_settings.Data, "endpoints.json"), text);
    }

    /// <summary>The address that clients are given: the one we listen on, or, when that is all of them, the one that the primary is reached
    /// from.</summary>
    private string DataAddress()
    {
        var address = EndPoint.Address;
        if (!address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any)) return EndPoint.ToString();
        try
        {
            // Connecting a datagram socket sends nothing: it asks the system for the route.
            using var probe = new Socket(SocketType.Dgram, ProtocolType.Udp);
            probe.Connect(_settings.Primary.Host, _settings.Primary.Port);
            var local = ((IPEndPoint)probe.LocalEndPoint!).Address;
            return new IPEndPoint(local.IsIPv4MappedToIPv6 ? local.MapToIPv4() : local, EndPoint.Port).ToString();
        }
        catch (SocketException)
        {
            return $"{Dns.GetHostName()}:{EndPoint.Port}";
        }
    }
}
