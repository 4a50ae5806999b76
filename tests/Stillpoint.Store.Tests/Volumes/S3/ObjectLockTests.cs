using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Time.Testing;
using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A unit in a bucket with Object Lock: what holds the unit's own keys cannot delete, and what it hides is still restored.</summary>
[Collection(RgwTests.Name)]
[Trait("Kind", "Slow")]
public sealed class ObjectLockTests(Rgw rgw)
{
    private const int LockDays = 8;

    /// <summary>With steps of any length, so that the clocks alone decide.</summary>
    private static readonly SafetyMargins s_anyStep = SafetyMargins.Default with { MostClockStep = TimeSpan.FromDays(1000) };

    [Fact]
    public async Task Every_object_is_locked_and_no_version_is_deleted_by_the_units_own_keys()
    {
        await using var site = await MakeAsync();
        await site.Unit.BackupAsync(site.Disk);
        var versions = await VersionsAsync(site);
        Assert.Contains(versions, v => v.Key.EndsWith("unit.json", StringComparison.Ordinal));
        foreach (var part in new[] { "/packs/", "/images/", "/ends/" }) Assert.Contains(versions, v => v.Key.Contains(part,
            StringComparison.Ordinal));
        using var client = rgw.Client();
        foreach (var version in versions.Where(v => UnitNames.IsLocked(v.Key[site.Address.Prefix.Length..])))
        {
            var refused = await Assert.ThrowsAsync<AmazonS3Exception>(() => client.DeleteObjectAsync(
                new DeleteObjectRequest { BucketName = version.BucketName, Key = version.Key, VersionId = version.VersionId }));
            Assert.Equal("AccessDenied", refused.ErrorCode);
            var lockOf = await client.GetObjectRetentionAsync(
                new GetObjectRetentionRequest { BucketName = version.BucketName, Key = version.Key, VersionId = version.VersionId });
            Assert.Equal(ObjectLockRetentionMode.Compliance, lockOf.Retention.Mode);
            // The lock period and one renewal period, a quarter of it.
            var left = lockOf.Retention.RetainUntilDate!.Value.ToUniversalTime() - DateTime.UtcNow;
            Assert.InRange(left, TimeSpan.FromDays(9.99), TimeSpan.FromDays(10.01));
        }
        var own = (await site.Volume.ListAsync("packs/", default))[0];
        var locked = await Assert.ThrowsAsync<ObjectLockedException>(async () => await site.Volume.DeleteAsync(own.Name, default));
        Assert.Contains("locked until", locked.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_overwritten_or_marked_deleted_still_restores_and_verifies(bool overwritten)
    {
        await using var site = await MakeAsync();
        var image = await site.Unit.BackupAsync(site.Disk);
        using var client = rgw.Client();
        foreach (var version in await VersionsAsync(site))
        {
            if (overwritten)
                await client.PutObjectAsync(new PutObjectRequest { BucketName = version.BucketName, Key = version.Key, ContentBody = "spoiled",
                    UseChunkEncoding = false });
            else
                await client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = version.BucketName, Key = version.Key });
        }
        // As another machine, which knows no versions yet.
        await using var unit = await StorageUnit.OpenAsync(site.Another(), site.Unit.Environment, default);
        var listed = Assert.Single((await unit.ListImagesAsync(default)).Images);
        Assert.Equal(image.Header.Id, listed.Header.Id);
        Assert.Equal(site.Disk, await site.Unit.RestoreAsync(listed, unit));
        Assert.Empty((await UnitVerify.RunAsync(unit, site.Unit.Keys, null, default)).Damage);
        // And it goes on: what is there is not sent again, what ended stays ended.
        var again = await site.Unit.BackupAsync(new MemorySource(site.Disk), null, null, by: unit);
        Assert.Equal(0, again.Header.Streams[0].BytesSent);
        Assert.Equal(2, (await unit.ListImagesAsync(default)).Images.Count);
    }

    [Fact]
    public async Task A_committed_session_that_is_marked_deleted_cannot_be_fenced()
    {
        await using var site = await MakeAsync();
        await site.Unit.BackupAsync(site.Disk);
        var end = Assert.Single(await site.Volume.ListAsync("ends/", default));
        using var client = rgw.Client();
        await client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = site.Address.Bucket, Key = site.Address.Prefix + end.Name });
        await using var other = site.Another();
        Assert.False(await other.PutIfAbsentAsync(end.Name, "fenced"u8.ToArray(), default));
    }

    [Fact]
    public async Task An_image_names_its_packs_by_key_and_version()
    {
        await using var site = await MakeAsync();
        await site.Unit.BackupAsync(site.Disk);
        var name = Assert.Single(await site.Volume.ListAsync("images/", default)).Name;
        var image = ImageObject.Decode(await SmallObject.ReadAsync(site.Volume, name, default), name);
        var there = (await site.Volume.ListAsync("packs/", default)).ToDictionary(e => e.Name);
        Assert.Equal(there.Count, image.Packs.Count);
        foreach (var pack in image.Packs)
        {
            var entry = there[UnitNames.Pack(site.Unit.Keys.Domain, pack.Pack, pack.Kind)];
            Assert.Equal((entry.Length, entry.Version), (pack.Length, pack.Version));
        }
    }

    [Fact]
    public async Task A_renewal_extends_what_images_need_and_leaves_the_rest()
    {
        await using var site = await MakeAsync();
        await site.Unit.BackupAsync(site.Disk);
        // A pack that no image needs: its session died.
        await using (var writer = await site.Unit.Unit.OpenWriterAsync(new WriterScope(site.Unit.Keys.Domain), default))
        {
            using var session = new Stillpoint.Chunks.UploadSession(writer, site.Unit.Keys, site.Unit.Random);
            await Stillpoint.Chunks.DiskUpload.RunAsync(session, Stillpoint.Chunks.DiskWork.Full(new MemorySource(Disks.Make(1 << 20, seed: 77,
                share: 1))), null, default);
            await writer.FlushAsync(default);
        }
        var before = await LocksAsync(site);
        // The host's clock does not count.
        site.Time.Advance(TimeSpan.FromDays(500));
        site.Clock.By = TimeSpan.FromDays(2);
        await using var unit = await StorageUnit.OpenAsync(site.Another(), site.Unit.Environment, default);
        var report = await UnitRenewal.RunAsync(unit, null, default);
        Assert.Empty(report.Damaged);
        Assert.Equal((1, 2), (report.Images, report.Packs));
        Assert.Equal(2, report.Left);
        var after = await LocksAsync(site);
        var extended = before.Keys.Where(name => after[name] - before[name] > TimeSpan.FromDays(1)).ToList();
        Assert.Equal(report.Objects, extended.Count);
        // The configuration, image, end, and two packs.
        Assert.Equal(5, extended.Count);
        Assert.All(extended, name => Assert.InRange(after[name] - DateTimeOffset.UtcNow, TimeSpan.FromDays(11.9), TimeSpan.FromDays(12.1)));
        Assert.Equal(2, extended.Count(name => name.StartsWith("packs/", StringComparison.Ordinal)));
    }

    /// <summary>What a collect would copy stays as long as its lock, so a copy of it would only add to the unit, and again at the next collect.</summary>
    [Fact]
    public async Task A_collect_copies_nothing_that_it_could_not_delete()
    {
        await using var site = await MakeAsync();
        var first = await site.Unit.BackupAsync(site.Disk);
        var next = (byte[])[.. site.Disk];
        Disks.Make(1 << 20, seed: 9, share: 1).CopyTo(next, 1 << 20);
        // After the unit's lock on the first image, and before the longer ones of what it is made of.
        site.Pass(LockDays + 1);
        var kept = await site.Unit.BackupAsync(next);
        var master = new byte[Stillpoint.Chunks.DomainKeys.MasterSize];
        new Random(1).NextBytes(master);
        using var rotated = new Stillpoint.Chunks.DomainKeys(master, epoch: 1);
        Assert.Equal(site.Unit.Keys.Domain, rotated.Domain);
        var before = (await site.Volume.ListAsync("packs/", default)).Select(e => (e.Name, e.Version)).ToList();
        // All shares of dead bytes are worth a copy to this unit, and then there are the packs of the old epoch.
        var margins = s_anyStep with { DeadShare = 0.01 };
        await using var unit = await StorageUnit.OpenAsync(site.Another(), site.Unit.Environment with { Margins = margins }, default);
        await Keeper.ExpireAsync(unit, first.Header.Id, null, default);
        foreach (var keys in new[] { null, rotated, rotated })
        {
            var report = await Collector.RunAsync(unit, new CollectOptions(Keys: keys is null ? null : new CollectKeys(keys, site.Unit.Random)), null, default);
            Assert.Equal((true, 0, 0, 0L), (report.Finished, report.PacksRewritten, report.PacksResealed, report.BytesWritten));
            // It says what has to stay under the old key, and until when; without the key it knows of no rotation.
            Assert.Equal(keys is null ? 0 : 2, report.OldLocked);
            if (keys is not null) Assert.InRange(report.OldLockedUntil!.Value - DateTimeOffset.UtcNow, TimeSpan.FromDays(9.9), TimeSpan.FromDays(19.1));
            Assert.Equal(before, (await site.Volume.ListAsync("packs/", default)).Select(e => (e.Name, e.Version)));
        }
        Assert.Equal(next, await site.Unit.RestoreAsync(kept, unit));
    }

    [Fact]
    public async Task A_bucket_without_object_lock_takes_no_such_unit()
    {
        var volume = S3Rig.Volume(rgw, await rgw.BucketAsync());
        await using (volume)
        {
            var trouble = await Assert.ThrowsAsync<TroubleException>(() => StorageUnit.CreateAsync(
                volume, Disks.Chunk, 1, LockDays, new UnitEnvironment(TimeProvider.System, S3Rig.NextId), default));
            Assert.Contains("Object Lock", trouble.Trouble.NextStep, StringComparison.Ordinal);
            Assert.Empty(await volume.ListAsync("packs/", default));
        }
    }

    /// <summary>An image's own lock in a bucket: what the host's clock and backups under it claim ends it as little as on a disk.</summary>
    [Fact]
    public async Task A_lock_ends_by_the_servers_clock_whatever_the_host_says()
    {
        await using var site = await MakeAsync();
        var unit = site.Unit;
        var locked = await unit.BackupAsync(site.Disk);
        // Hosts whose clocks go ahead step by step back up again and again, which on a disk would prove the time.
        unit.Time.SetUtcNow(DateTimeOffset.UtcNow);
        for (var step = 0; step < 3; step++)
        {
            unit.Time.Advance(TimeSpan.FromDays(20));
            await unit.BackupAsync(Disks.Make(1 << 20, seed: step));
        }
        await Keeper.LockAsync(unit.Unit, locked.Header.Id, DateTimeOffset.UtcNow.AddDays(30), default);
        await using var other = await StorageUnit.OpenAsync(site.Another(), unit.Environment with { Margins = s_anyStep }, default);
        var trouble = await Assert.ThrowsAsync<TroubleException>(() => Keeper.ExpireAsync(other, locked.Header.Id, null, default));
        Assert.Contains("locked until", trouble.Message, StringComparison.Ordinal);
        Assert.IsType<ObjectLockedException>(trouble.InnerException);
        site.Clock.By = TimeSpan.FromDays(61);
        await Keeper.ExpireAsync(other, locked.Header.Id, null, default);
    }

    /// <summary>What the bucket keeps anyway no command of ours gives up before: neither by itself, nor by a policy, nor by a plan that was signed.</summary>
    [Fact]
    public async Task An_image_is_locked_by_its_unit_from_its_commit_on_by_the_servers_clock()
    {
        await using var site = await MakeAsync();
        site.Pass(0);
        var old = (await site.Unit.BackupAsync(site.Disk)).Header.Id;
        await site.Unit.BackupAsync(Disks.Make(1 << 20, seed: 4));
        await using var unit = await StorageUnit.OpenAsync(site.Another(), site.Unit.Environment with { Margins = s_anyStep }, default);
        var until = Assert.Single(await Keeper.ListAsync(unit, default), i => i.Image.Header.Id == old).LockedUntil!.Value;
        Assert.InRange(until - DateTimeOffset.UtcNow, TimeSpan.FromDays(LockDays - 0.01), TimeSpan.FromDays(LockDays));
        using var key = NSec.Cryptography.Key.Create(NSec.Cryptography.SignatureAlgorithm.Ed25519);
        await Attachment.AttachAsync(unit, key.PublicKey.Export(NSec.Cryptography.KeyBlobFormat.RawPublicKey), default);
        await RefusedAsync(unit, key, old, until);

        // A week later, by everybody's clock, and after a renewal, the date has not come; nor does it by a host's clock alone.
        site.Pass(LockDays - 1);
        Assert.Equal(2, (await UnitRenewal.RunAsync(unit, null, default)).Images);
        await site.Unit.BackupAsync(Disks.Make(1 << 20, seed: 5));
        await RefusedAsync(unit, key, old, until);
        var sped = site.Unit.Environment with { Time = new FakeTimeProvider(DateTimeOffset.UtcNow.AddDays(400)), Margins = s_anyStep };
        await using (var ahead = await StorageUnit.OpenAsync(site.Another(), sped, default))
        {
            await site.Unit.BackupAsync(new MemorySource(Disks.Make(1 << 20, seed: 6)), null, null, by: ahead);
            await RefusedAsync(ahead, key, old, until);
        }

        // The renewal moved no date: as the retention that the server sees lasts on, the image may go once the unit's own lock is over.
        site.Pass(LockDays + 1);
        await site.Unit.BackupAsync(Disks.Make(1 << 20, seed: 7));
        var plan = await Pruner.PlanAsync(unit, new RetentionPolicy(Last: 1), null, null, default);
        Assert.Contains(plan.Going, i => i.Id == old);
        Assert.Contains(old, await Pruner.ExecuteAsync(unit, Signed(plan, key), null, null, default));
    }

    private static async Task RefusedAsync(StorageUnit unit, NSec.Cryptography.Key key, Guid image, DateTimeOffset until)
    {
        var says = $"it is locked until {until:u} by its unit";
        var trouble = await Assert.ThrowsAsync<TroubleException>(() => Keeper.ExpireAsync(unit, image, new BreakGlass("because"), default));
        Assert.Contains(says, trouble.Message, StringComparison.Ordinal);
        Assert.IsType<ObjectLockedException>(trouble.InnerException);
        var plan = await Pruner.PlanAsync(unit, new RetentionPolicy(Last: 1), null, null, default);
        Assert.Empty(plan.Going);
        Assert.Contains(says, Assert.Single(plan.Images, i => i.Id == image).Reasons[^1], StringComparison.Ordinal);
        // A plan that says otherwise gives nothing up, whoever signed it.
        var other = plan with { Images = [.. plan.Images.Select(i => i.Id == image ? i with { Stays = false, Counts = false, Reasons = ["no rule keeps it"] } : i)] };
        Assert.Empty(await Pruner.ExecuteAsync(unit, Signed(other, key), null, null, default));
        Assert.Contains(says, (await Pruner.RefusedAsync(unit, other, default))[image], StringComparison.Ordinal);
    }

    private static PrunePlan Signed(PrunePlan plan, NSec.Cryptography.Key key) => plan with
    {
        Signature = Convert.ToBase64String(NSec.Cryptography.SignatureAlgorithm.Ed25519.Sign(key, plan.SignedText())),
    };

    private async Task<Site> MakeAsync()
    {
        var address = await rgw.BucketAsync(locked: true);
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        S3Volume? volume = null;
        var clock = new ServerAhead();
        var unit = await TestUnit.MakeAsync(lockDays: LockDays, wrap: _ => volume = S3Rig.Volume(rgw, address, time: time, ahead: () => clock.By));
        return new Site(rgw, address, unit, volume!, time, clock);
    }

    private async Task<List<S3ObjectVersion>> VersionsAsync(Site site)
    {
        using var client = rgw.Client();
        return (await client.ListVersionsAsync(new ListVersionsRequest { BucketName = site.Address.Bucket, Prefix = site.Address.Prefix })).Versions;
    }

    private static async Task<Dictionary<string, DateTimeOffset>> LocksAsync(Site site)
    {
        var locks = new Dictionary<string, DateTimeOffset>();
        foreach (var prefix in new[] { "packs/", "images/", "ends/" })
        {
            foreach (var entry in await site.Volume.ListAsync(prefix, default))
                locks[entry.Name] = (await site.Volume.LockedUntilAsync(entry.Name, default))!.Value;
        }
        locks["unit.json"] = (await site.Volume.LockedUntilAsync("unit.json", default))!.Value;
        return locks;
    }

    private sealed class ServerAhead
    {
        public TimeSpan By { get; set; }
    }

    private sealed class Site(Rgw rgw, S3Address address, TestUnit unit, S3Volume volume, FakeTimeProvider time, ServerAhead clock) : IAsyncDisposable
    {
        public S3Address Address { get; } = address;

        public TestUnit Unit { get; } = unit;

        public S3Volume Volume { get; } = volume;

        public FakeTimeProvider Time { get; } = time;

        public ServerAhead Clock { get; } = clock;

        public byte[] Disk { get; } = Disks.Make(3 << 20, seed: 6, share: 0.8);

        public S3Volume Another() => S3Rig.Volume(rgw, Address, time: Time, ahead: () => Clock.By);

        /// <summary>So many days from now, by the server's clock; the hosts' are an hour behind, since what is dated after the server's proves nothing.</summary>
        public void Pass(int days)
        {
            Clock.By = TimeSpan.FromDays(days);
            Unit.Time.SetUtcNow(DateTimeOffset.UtcNow.AddDays(days).AddHours(-1));
        }

        public ValueTask DisposeAsync() => Unit.DisposeAsync();
    }
}
