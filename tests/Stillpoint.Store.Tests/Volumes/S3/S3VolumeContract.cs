using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A bucket of Ceph RGW.</summary>
[Collection(RgwTests.Name)]
[Trait("Kind", "Slow")]
public sealed class S3VolumeContract(Rgw rgw) : VolumeContract
{
    internal override async Task<IVolume> MakeAsync() => S3Rig.Volume(rgw, await rgw.BucketAsync());
}

/// <summary>A bucket that keeps versions and takes locks: RGW lets every conditional put to it succeed.</summary>
[Collection(RgwTests.Name)]
[Trait("Kind", "Slow")]
public sealed class VersionedS3VolumeContract(Rgw rgw) : VolumeContract
{
    internal override async Task<IVolume> MakeAsync() => S3Rig.Volume(rgw, await rgw.BucketAsync(locked: true));

    /// <summary>Leases are replaced for as long as sessions live, and old versions deleted meanwhile: a reader always finds one.</summary>
    [Fact(Explicit = true)]
    public async Task A_thousand_replacements_at_once_are_never_missed()
    {
        await using var volume = await MakeAsync();
        await volume.PutAsync("leases/race", new byte[40], default);
        var writers = Enumerable.Range(1, 8).Select(i => Task.Run(async () =>
        {
            for (var round = 0; round < 125; round++) await volume.PutAsync("leases/race", Enumerable.Repeat((byte)i, 40).ToArray(), default);
        })).ToArray();
        var reads = 0;
        for (var buffer = new byte[64]; !writers.All(w => w.IsCompleted); reads++)
        {
            Assert.Equal(40, await volume.ReadAsync("leases/race", 0, buffer, default));
            Assert.Equal(0, buffer.AsSpan(0, 40).IndexOfAnyExcept(buffer[0]) + 1);
        }
        await Task.WhenAll(writers);
        TestContext.Current.TestOutputHelper!.WriteLine($"replacements: 1,000 by 8 writers at once, {reads} reads between them, none missed");
    }
}

/// <summary>Volumes on the gateway.</summary>
internal static class S3Rig
{
    private static int s_ids;

    /// <summary>A volume with keys of the test; through another endpoint where one is given.</summary>
    public static S3Volume Volume(Rgw rgw, S3Address address, Uri? endpoint = null, TimeProvider? time = null, int retries = 5,
        Func<TimeSpan>? ahead = null) =>
        new(address, rgw.Client(endpoint, retries: retries, ahead: ahead), new UnitEnvironment(time ?? TimeProvider.System, NextId));

    public static Guid NextId() => new(Environment.ProcessId, 0, 0, BitConverter.GetBytes((long)Interlocked.Increment(ref s_ids)));
}
