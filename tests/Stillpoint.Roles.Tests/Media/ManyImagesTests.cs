using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Catalog;
using Stillpoint.Chunks;
using Stillpoint.Media;
using Stillpoint.Model;
using Stillpoint.Primary;
using Stillpoint.Roles.Tests.Primary;
using Stillpoint.Roles.Tests.Transport;
using Stillpoint.Storage;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Media;

/// <summary>A storage unit whose list of images is longer than any message, with a real media server and a real primary.</summary>
[Trait("Kind", "Slow")]
public sealed class ManyImagesTests : IAsyncDisposable
{
    private const int Many = 30_000;
    private static readonly Guid s_vm = DataRig.Id(2), s_job = DataRig.Id(1);
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Thirty_thousand_images_are_listed_rebuilt_synchronized_and_pruned_on_one_connection()
    {
        var unit = _folder.File("unit");
        await MakeUnitAsync(unit);
        CopiedImages.Make(unit, Many - 1, new Random(30_000));
        await using var rig = await PrimaryRig.StartNow();
        using var identity = await rig.Join(PeerRoles.Media, "media-1");
        await using var media = await MediaRole.StartAsync(
            new MediaSettings(_folder.File("media"), rig.Server.Address, new IPEndPoint(IPAddress.Loopback, 0)), identity,
            new MediaEnvironment(TimeProvider.System, Guid.NewGuid, new Random(5), NullLogger.Instance), Cancel);
        while (!media.IsConnected) await Task.Delay(10, Cancel);
        var connections = rig.Server.Services.GetRequiredService<Connections>();
        var images = rig.Server.Services.GetRequiredService<CatalogStore>().Images;
        var connection = connections.Media("media-1")!;
        await rig.Post<StorageUnitView>("storage-units", new StorageUnitRequest("main", "media-1", unit));

        var stored = await connections.Ask(connection, (IMediaCalls calls) => calls.ListImages("main"), Cancel);
        var ids = stored.Select(i => i.Id).ToHashSet();
        Assert.Equal(Many, ids.Count);

        var rebuilt = await rig.Post<RebuildReport>("storage-units/main/rebuild", new { });
        Assert.Equal((Many, Many, 0), (rebuilt.Images, rebuilt.Listed, rebuilt.LeftOut));
        Assert.Equal(Many, (await images.UnitsOf(ids)).Count);

        // As after a crash of the client: committed, and not in the catalog.
        var lost = ids.Take(1_000).ToList();
        await images.Remove(lost);
        await rig.Server.Services.GetRequiredService<CatalogStore>().Jobs.Add([Job()]);
        rig.Server.Services.GetRequiredService<ImageSync>().UnitSoon("main");
        await rig.Eventually(() => images.UnitsOf(lost), known => known.Count == lost.Count);

        var plan = (await rig.Post<PruneOutcome>("storage-units/main/prune", new PruneRequest(new RetentionPolicy(Last: 1), DryRun: true))).Plan;
        Assert.Equal(ids, plan.Images.Select(i => i.Id).ToHashSet());
        Assert.Equal(Many - 1, plan.Going.Count());
        Assert.Same(connection, connections.Media("media-1"));
    }

    private static async Task MakeUnitAsync(string folder)
    {
        await using var unit = await Storage.StorageUnit.CreateInAsync(folder, 64 << 10, 1, new UnitEnvironment(TimeProvider.System, Guid.NewGuid), Cancel);
        using var keys = new DomainKeys(RandomNumberGenerator.GetBytes(DomainKeys.MasterSize));
        using var random = RandomNumberGenerator.Create();
        await using var writer = await unit.OpenWriterAsync(new WriterScope(keys.Domain, s_vm, DataRig.Id(3), s_job), Cancel);
        using var session = new UploadSession(writer, keys, random);
        var disk = MemoryDisk.Random(200_000, 1);
        var stream = await DiskUpload.RunAsync(session, DiskWork.Full(disk), null, Cancel);
        await writer.FlushAsync(Cancel);
        var header = new ImageHeader(DataRig.Id(3), keys.Domain, s_vm, s_job, TimeProvider.System.GetUtcNow(), ImageType.Full, Consistency.Application, null, [stream]);
        var details = new ImageDetails("web-1", BackupMethod.Wmi, "HOST", null, null, [new DiskDetails("disk.vhdx", null, null, null, [], 512, disk.Data, null)], []);
        await writer.CommitAsync(header, ImageDetailsCodec.Seal(keys, header, details, random), session.Totals, Cancel);
    }

    private static Job Job() => new()
    {
        Id = s_job, Kind = JobKind.Backup, VmId = s_vm, VmName = "web", Host = "hv1", StorageUnit = "main", State = JobState.Done, Outcome = JobOutcome.Failed,
        RequestedBy = "admin", Created = TimeProvider.System.GetUtcNow(),
    };
}
