using Microsoft.Extensions.DependencyInjection;
using Stillpoint.Catalog;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Roles.Tests.Transport;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>A rebuild of the catalog from a unit whose media server sends anything.</summary>
public sealed class RebuildTests : IAsyncLifetime
{
    private PrimaryRig _rig = null!;
    private ScriptedMedia _media = null!;

    public async ValueTask InitializeAsync()
    {
        _rig = await PrimaryRig.Start();
        _media = await _rig.MediaWithUnit();
    }

    public ValueTask DisposeAsync() => _rig.DisposeAsync();

    [Fact]
    public async Task Images_that_are_none_are_left_out_and_named_and_the_others_are_listed()
    {
        await using var data = new DataRig();
        _media.Stored.AddRange([Image(1), Image(2, disks: 513), Image(3), Image(4), Image(5), Image(6) with { Disks = null! }, Image(7), Image(7)]);
        _media.Sealed[Id(3)] = [1, 2, 3];
        // The bytes of another image.
        _media.Sealed[Id(4)] = StoredImageBytes.Write(new StoredImage(data.Header(), data.Blob(), []));
        _media.Sealed[Id(5)] = new byte[3 << 20];

        var report = await _rig.Post<RebuildReport>("storage-units/main/rebuild", new { });
        Assert.Equal((8, 2, 5), (report.Images, report.Listed, report.LeftOut));
        Assert.Equal([Id(2), Id(3), Id(4), Id(5), Id(6)], report.LeftOutImages.Select(i => i.Image).Order());
        Assert.Contains("513 disks", Why(2), StringComparison.Ordinal);
        Assert.Contains($"sent image {data.Header().Id:D} for it", Why(4), StringComparison.Ordinal);
        Assert.Contains("nothing of its disks", Why(6), StringComparison.Ordinal);
        var catalog = _rig.Server.Services.GetRequiredService<CatalogStore>().Images;
        Assert.Equal([Id(1), Id(7)], (await catalog.List(new ImageFilter(), 100)).Select(i => i.Id).Order());

        // Again: the same are left out, the others are read again.
        report = await _rig.Post<RebuildReport>("storage-units/main/rebuild", new { });
        Assert.Equal((0, 2, 5), (report.Listed, report.Refreshed, report.LeftOut));

        string Why(int n) => report.LeftOutImages.Single(i => i.Image == Id(n)).Why;
    }

    private static Guid Id(int n) => new(n, 7, 7, new byte[8]);

    private static ImageSummary Image(int n, int disks = 1) => new(Id(n), Id(100), null, Id(200 + n), new DateTimeOffset(2030, 1, 1, 0, 0, n, TimeSpan.Zero),
        ImageType.Full, Consistency.Application, BackupMethod.Wmi, [.. Enumerable.Range(0, disks).Select(i => new DiskFigures($"disk {i}", 1, 1, 1, 0, 1, 1, 1))]);
}
