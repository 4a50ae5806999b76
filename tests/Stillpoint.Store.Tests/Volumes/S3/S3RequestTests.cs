using Stillpoint.Chunks;
using Stillpoint.Extents;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>What an increment costs in requests: by what changed, not by what is there.</summary>
[Collection(RgwTests.Name)]
[Trait("Kind", "Slow")]
public sealed class S3RequestTests(Rgw rgw)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_requests_of_an_increment_follow_the_changes(bool versions)
    {
        var small = await CountAsync(versions, mebibytes: 2, images: 1, changed: 1);
        var large = await CountAsync(versions, mebibytes: 24, images: 1, changed: 1);
        Assert.InRange(small, 1, 60);
        if (versions)
        {
            Assert.InRange(large, 1, small + 4);
            return;
        }
        var old = await CountAsync(versions, mebibytes: 2, images: 5, changed: 1);
        var much = await CountAsync(versions, mebibytes: 24, images: 1, changed: 300);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"requests of an increment: one chunk {small}, on a disk 12 times as large {large}, as the sixth image {old}, 300 chunks {much}");
        Assert.InRange(large, 1, small + 4);
        // Every image before it costs a few small reads, until copies of many take their place.
        Assert.InRange(old, 1, small + 7 * 5);
        // 300 chunks are 19 MB: a few parts of a pack.
        Assert.InRange(much, small, small + 30);
    }

    private async Task<int> CountAsync(bool versions, int mebibytes, int images, int changed)
    {
        var address = await rgw.BucketAsync(versions);
        await using var unit = await TestUnit.MakeAsync(seed: mebibytes, wrap: _ => S3Rig.Volume(rgw, address));
        var disk = Disks.Make(mebibytes << 20, seed: 5, share: 1);
        var last = await unit.BackupAsync(disk);
        for (var i = 1; i < images; i++) last = await IncrementAsync(unit, disk, last, unit.Unit, i, 1);

        // As another process, which knows nothing yet.
        var client = rgw.Client();
        var requests = 0;
        client.BeforeRequestEvent += (_, _) => Interlocked.Increment(ref requests);
        await using var other = await StorageUnit.OpenAsync(new S3Volume(address, client, new UnitEnvironment(TimeProvider.System, S3Rig.NextId)), unit.Environment, default);
        await IncrementAsync(unit, disk, last, other, images, changed);
        return requests;
    }

    private static Task<StoredImage> IncrementAsync(TestUnit unit, byte[] disk, StoredImage last, StorageUnit by, int seed, int chunks)
    {
        new Random(seed).NextBytes(disk.AsSpan(0, chunks * Disks.Chunk));
        return unit.BackupAsync(new MemorySource(disk), last, ExtentSet.Of(new Extent(0, (long)chunks * Disks.Chunk)), by: by);
    }
}
