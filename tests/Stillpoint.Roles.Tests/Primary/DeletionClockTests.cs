using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Chunks;
using Stillpoint.Media;
using Stillpoint.Model;
using Stillpoint.Primary;
using Stillpoint.Roles.Tests.Media;
using Stillpoint.Roles.Tests.Transport;
using Stillpoint.Storage;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>A media server whose clock is 400 days ahead: neither the primary's interface nor a plan that it signed gives up a locked image.</summary>
public sealed class DeletionClockTests : IAsyncLifetime
{
    private static readonly Guid s_vm = new(1, 1, 1, new byte[8]);
    private readonly TemporaryFolder _folder = new();
    private readonly AheadClock _clock = new();
    private readonly DomainKeys _keys = new(RandomNumberGenerator.GetBytes(DomainKeys.MasterSize));
    private PrimaryRig _rig = null!;
    private RoleIdentity _identity = null!;
    private MediaRole _media = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _rig = await PrimaryRig.StartNow();
        _identity = await _rig.Join(PeerRoles.Media, "media-1");
        _media = await MediaRole.StartAsync(
            new MediaSettings(_folder.File("media"), _rig.Server.Address, new IPEndPoint(IPAddress.Loopback, 0)), _identity,
            new MediaEnvironment(_clock, _rig.NextId, new Random(5), NullLogger.Instance), Cancel);
        while (!_media.IsConnected) await Task.Delay(10, Cancel);
        await _rig.Post<StorageUnitView>("storage-units", new StorageUnitRequest("main", null, _folder.File("unit")));
    }

    public async ValueTask DisposeAsync()
    {
        await _media.DisposeAsync();
        _identity.Dispose();
        await _rig.DisposeAsync();
        _keys.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Neither_the_interface_nor_a_signed_plan_gives_up_a_locked_image()
    {
        await using var unit = await StorageUnit.OpenInAsync(_folder.File("unit"), new UnitEnvironment(TimeProvider.System, Guid.NewGuid), Cancel);
        var locked = await BackUpAsync(unit, 1);
        var free = await BackUpAsync(unit, 2);
        var last = await BackUpAsync(unit, 3);
        await Keeper.LockAsync(unit, locked, TimeProvider.System.GetUtcNow().AddDays(300), Cancel);
        await _rig.Post<StorageUnitView>("storage-units/main/attach", null);
        _clock.By = TimeSpan.FromDays(400);
        // By the clock that jumped another image comes, which proves a month and no more.
        await using (var ahead = await StorageUnit.OpenInAsync(_folder.File("unit"), new UnitEnvironment(_clock, Guid.NewGuid), Cancel)) last = await BackUpAsync(ahead, 4);

        var request = new PruneRequest(new RetentionPolicy(Last: 1), Force: true);
        var asked = await _rig.Post<PruneOutcome>("storage-units/main/prune", request with { DryRun = true });
        var kept = Assert.Single(asked.Plan.Images, i => i.Id == locked);
        Assert.True(kept.Stays);
        Assert.Contains("it is locked until", kept.Reasons[^1], StringComparison.Ordinal);
        Assert.NotNull(asked.Plan.Signature);

        // A plan with the primary's own signature that names it is executed without it.
        using var signer = PlanSigner.LoadOrCreate(Path.Combine(_rig.Data, "plan.key"));
        var named = signer.Sign(asked.Plan with
        {
            Signature = null,
            Images = [.. asked.Plan.Images.Select(i => i.Id == locked ? i with { Stays = false, Counts = false, Reasons = ["no rule keeps it"] } : i)],
        });
        Assert.Equal(3, named.Going.Count());
        var connections = _rig.Server.Services.GetRequiredService<Connections>();
        var gone = await connections.Ask(connections.Media("media-1")!, (IMediaCalls calls) => calls.ExecutePrune("main", named), Cancel);
        Assert.Equal(2, gone.Count);
        Assert.Contains(free, gone);

        var done = await _rig.Post<PruneOutcome>("storage-units/main/prune", request);
        Assert.Empty(done.Expired!);
        var state = await _rig.Post<CollectState>("storage-units/main/collect", null);
        while (state.Running)
        {
            await Task.Delay(10, Cancel);
            state = await _rig.Get<CollectState>("storage-units/main/collect");
        }
        Assert.Null(state.Trouble);
        Assert.Equal(2, state.Report!.ImagesRemoved);

        await using var after = await StorageUnit.OpenInAsync(_folder.File("unit"), new UnitEnvironment(TimeProvider.System, Guid.NewGuid), Cancel);
        Assert.Equal(((Guid[])[locked, last]).Order(), (await after.ListImagesAsync(Cancel)).Images.Select(i => i.Header.Id).Order());
        Assert.Empty((await UnitVerify.RunAsync(after, _keys, null, Cancel)).Damage);
    }

    private async Task<Guid> BackUpAsync(StorageUnit unit, int number)
    {
        var disk = MemoryDisk.Random(200_000, number);
        await using var writer = await unit.OpenWriterAsync(new WriterScope(_keys.Domain), Cancel);
        using var random = RandomNumberGenerator.Create();
        using var session = new UploadSession(writer, _keys, random);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(disk), null, Cancel);
        var created = TimeProvider.System.GetUtcNow().AddMinutes(number - 10);
        var header = new ImageHeader(new Guid(number, 2, 2, new byte[8]), _keys.Domain, s_vm, Guid.NewGuid(), created, ImageType.Full, Consistency.Application, null, [stream]);
        var details = new ImageDetails("web-1", BackupMethod.Wmi, "HOST", null, null, [new DiskDetails("disk.vhdx", null, null, null, [], 512, disk.Data, null)], []);
        await writer.CommitAsync(header, ImageDetailsCodec.Seal(_keys, header, details, random), session.Totals, Cancel);
        return header.Id;
    }

    /// <summary>The machine's clock, and a jump.</summary>
    private sealed class AheadClock : TimeProvider
    {
        public TimeSpan By { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + By;
    }
}
