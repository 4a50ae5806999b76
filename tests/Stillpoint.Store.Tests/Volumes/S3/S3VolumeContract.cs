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

    /// <summary>RGW answers now and then that there is no such key while versions of it come and go.</summary>
    [Fact(Explicit = true)]
    public async Task Many_times_many_replace_at_once()
    {
        for (var round = 0; round < 60; round++) await Of_many_that_replace_at_once_readers_see_one_whole();
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
