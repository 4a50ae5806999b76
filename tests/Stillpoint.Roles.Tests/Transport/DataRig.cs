using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>A data endpoint with an authority, a grant key and a unit in memory.</summary>
internal sealed class DataRig : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Random _random = new(20300501);

    public DataRig(DataServerOptions? options = null)
    {
        Options = options ?? new DataServerOptions();
        Authority = CertificateAuthority.LoadOrCreate(_folder.File("ca"), TimeProvider.System);
        Signer = GrantSigner.LoadOrCreate(_folder.File("grant.key"));
        Media = RoleIdentity.Issue(Authority, "media-1", PeerRoles.Media, TimeProvider.System);
        Client = RoleIdentity.Issue(Authority, "host-1", PeerRoles.Client, TimeProvider.System);
        Units = new MemoryUnits(new GrantVerifier(Signer.PublicKey, TimeProvider.System));
        Server = NewServer();
        EndPoint = Server.Start(new IPEndPoint(IPAddress.Loopback, 0));
    }

    public DataServerOptions Options { get; }
    public CertificateAuthority Authority { get; }
    public GrantSigner Signer { get; }
    public RoleIdentity Media { get; }
    public RoleIdentity Client { get; }
    public MemoryUnits Units { get; }
    public DataServer Server { get; private set; }
    public IPEndPoint EndPoint { get; }

    public string Folder => _folder.Path;

    public static Guid Id(int n) => new(n, 0, 0, new byte[8]);

    public JobGrant Grant(GrantKind kind = GrantKind.Backup, string holder = "host-1", int image = 3) =>
        new(kind, Id(1), holder, Id(2), Id(image), Id(4), "unit-1", TimeProvider.System.GetUtcNow().AddHours(1));

    public ImageHeader Header(int image = 3) => new(Id(image), Id(4), Id(2), Id(1), new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero),
        ImageType.Full, Consistency.Application, null, [new StreamHeader(StreamKind.Disk, 1 << 30, new NodeId(1, 2, 3, 4), 5, 6, 7, 8, 9, 10)]);

    public Task<DataClient> OpenAsync(JobGrant? grant = null, string? address = null, DataClientOptions? options = null, RoleIdentity? identity = null) =>
        DataClient.OpenAsync(Access(Signer.Sign(grant ?? Grant()), address), identity ?? Client, options ?? new DataClientOptions(),
            TimeProvider.System, new Random(3), TestContext.Current.CancellationToken);

    public DataAccess Access(byte[] grant, string? address = null) => new(address ?? $"127.0.0.1:{EndPoint.Port}", "unit-1", grant, new byte[32]);

    public SealedRecord Record(int size = 30_000)
    {
        var bytes = new byte[size];
        _random.NextBytes(bytes);
        var salt = new byte[32];
        _random.NextBytes(salt);
        return new SealedRecord(salt, (uint)_random.Next(), 1, ChunkId.Read(SHA256.HashData(bytes)), 64 << 10, true, bytes);
    }

    public SealedBlob Blob(int size = 1000)
    {
        var bytes = new byte[size];
        _random.NextBytes(bytes);
        return new SealedBlob(7, bytes.AsMemory(0, 32).ToArray(), bytes);
    }

    /// <summary>As a process that was killed and started again: sessions are forgotten, the port is the same.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        Server = NewServer();
        Server.Start(EndPoint);
    }

    public async Task StopAsync() => await Server.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Client.Dispose();
        Media.Dispose();
        Signer.Dispose();
        Authority.Dispose();
        _folder.Dispose();
    }

    private DataServer NewServer() => new(Media, Units, Options, TimeProvider.System, Guid.NewGuid, NullLogger.Instance);
}
