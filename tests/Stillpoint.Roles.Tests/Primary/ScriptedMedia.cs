using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>The control side of a media server: the jobs of these tests move no data.</summary>
internal sealed class ScriptedMedia(Uri primary, RoleIdentity identity) : IMediaCalls, IAsyncDisposable
{
    private ControlConnection? _connection;

    /// <summary>What its storage units hold.</summary>
    public List<ImageSummary> Stored { get; } = [];

    public async Task Connect()
    {
        _connection = new ControlConnection(
            primary, identity, () => new RoleHello(PeerRoles.Media, "0.1.0", "127.0.0.1:7844", []),
                TimeProvider.System, new Random(2), NullLogger.Instance);
        _connection.Handle(this);
        _connection.Start();
        Welcome = await _connection.WelcomedAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
    }

    public RoleWelcome? Welcome { get; private set; }

    public async Task Disconnect()
    {
        if (_connection is not null) await _connection.DisposeAsync();
        _connection = null;
    }

    public Task<StorageUnitInfo> AttachUnit(string name, string folder, int chunkSize, int compressionLevel) =>
        folder.Contains("full", StringComparison.Ordinal)
        ? throw new TroubleException($"folder {folder}", "The disk is full.", "Make room.")
        : Task.FromResult(new StorageUnitInfo(name, new Guid(9, 9, 9, new byte[8]), folder, chunkSize, 1L << 40));

    /// <summary>What listing its images fails with; null where it succeeds.</summary>
    public Func<Exception>? Fault { get; set; }

    /// <summary>What it sends as the bytes of an image; null for the others.</summary>
    public Dictionary<Guid, byte[]> Sealed { get; } = [];

    public Task<IReadOnlyList<ImageSummary>> ListImages(string unit) =>
        Fault is { } fault ? throw fault() : Task.FromResult<IReadOnlyList<ImageSummary>>([.. Stored]);

    public Task<IReadOnlyList<SealedImage>> ReadImages(string unit, IReadOnlyList<Guid> images) =>
        Task.FromResult<IReadOnlyList<SealedImage>>([.. images.Select(i => new SealedImage(i, Sealed.GetValueOrDefault(i)))]);

    public Task<string> ReadHead(string unit) => throw NotHere();

    public Task AttachPrimary(string unit, byte[] publicKey) => throw NotHere();

    public Task DetachPrimary(string unit, DetachOrder order) => throw NotHere();

    /// <summary>What it answers when the primary asks for a plan.</summary>
    public Func<RetentionPolicy, Guid?, PrunePlan>? Plan { get; set; }

    /// <summary>Plans that it was to execute.</summary>
    public List<PrunePlan> Pruned { get; } = [];

    public Task<PrunePlan> PlanPrune(string unit, RetentionPolicy policy, Guid? vm) => Task.FromResult(Plan!(policy, vm));

    public Task<IReadOnlyList<Guid>> ExecutePrune(string unit, PrunePlan plan)
    {
        Pruned.Add(plan);
        return Task.FromResult<IReadOnlyList<Guid>>([.. plan.Going.Select(i => i.Id)]);
    }

    public Task<CollectPlan> PlanCollect(string unit) => throw NotHere();

    public Task<CollectState> StartCollect(string unit, CollectPlan plan) => throw NotHere();

    public Task<CollectState> ReadCollect(string unit) => throw NotHere();

    private static TroubleException NotHere() => new("media server", "It moves no data.", "Use a real one.");

    public Task<VerifyResult> Verify(string unit, Guid imageId) =>
        Task.FromResult(new VerifyResult(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero), "sound", VerifyKind.Stored));

    public async ValueTask DisposeAsync()
    {
        await Disconnect();
        identity.Dispose();
    }
}
