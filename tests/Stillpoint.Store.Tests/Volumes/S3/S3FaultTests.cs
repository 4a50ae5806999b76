using Stillpoint.Model;
using Stillpoint.Storage;

namespace Stillpoint.Store.Tests;

/// <summary>A bucket behind a connection that breaks, and what is said when it cannot be used at all.</summary>
[Collection(RgwTests.Name)]
[Trait("Kind", "Slow")]
public sealed class S3FaultTests(Rgw rgw)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_put_whose_answer_was_lost_is_ones_own(bool versions)
    {
        var address = await rgw.BucketAsync(versions);
        await using var proxy = new CuttingProxy(rgw.Port);
        await using var volume = S3Rig.Volume(rgw, address, proxy.Endpoint);
        var lose = 1;
        proxy.LoseAnswer = head => head.StartsWith("PUT ", StringComparison.Ordinal) && head.Contains("ends/a", StringComparison.Ordinal)
            && Interlocked.Exchange(ref lose, 0) == 1;
        Assert.True(await volume.PutIfAbsentAsync("ends/a", "mine"u8.ToArray(), default));
        Assert.Equal(1, proxy.Cuts);
        await using var other = S3Rig.Volume(rgw, address);
        Assert.False(await other.PutIfAbsentAsync("ends/a", "theirs"u8.ToArray(), default));
        Assert.False(await volume.PutIfAbsentAsync("ends/a", "mine"u8.ToArray(), default));
        var buffer = new byte[8];
        Assert.Equal("mine"u8.ToArray(), buffer[..await other.ReadAsync("ends/a", 0, buffer, default)]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_upload_whose_last_answer_was_lost_is_whole(bool versions)
    {
        var address = await rgw.BucketAsync(versions);
        await using var proxy = new CuttingProxy(rgw.Port);
        await using var volume = S3Rig.Volume(rgw, address, proxy.Endpoint);
        var lose = 1;
        proxy.LoseAnswer = head => head.StartsWith("POST ", StringComparison.Ordinal) && head.Contains("uploadId=", StringComparison.Ordinal)
            && Interlocked.Exchange(ref lose, 0) == 1;
        var bytes = new byte[17 << 20];
        new Random(1).NextBytes(bytes);
        await using (var writer = await volume.CreateAsync("packs/d/a.data", default))
        {
            await writer.AppendAsync(bytes, default);
            await writer.CompleteAsync(default);
        }
        Assert.Equal(1, proxy.Cuts);
        var read = new byte[bytes.Length];
        Assert.Equal(bytes.Length, await volume.ReadAsync("packs/d/a.data", 0, read, default));
        Assert.True(bytes.AsSpan().SequenceEqual(read));
    }

    [Fact]
    public async Task Over_a_connection_that_breaks_all_the_time_what_is_committed_is_whole()
    {
        var address = await rgw.BucketAsync();
        await using var proxy = new CuttingProxy(rgw.Port);
        await using var unit = await TestUnit.MakeAsync(wrap: _ => S3Rig.Volume(rgw, address, proxy.Endpoint, retries: 2));
        var random = new Random(7);
        var images = new List<(Guid Image, byte[] Disk)>();
        for (var round = 0; round < 4; round++)
        {
            var disk = Disks.Make(9 << 20, seed: round, share: 0.9);
            proxy.Cut = () => random.Next(300) == 0;
            try
            {
                images.Add(((await unit.BackupAsync(disk)).Header.Id, disk));
            }
            catch (TroubleException e)
            {
                Assert.Contains("storage unit", e.Trouble.Culprit, StringComparison.Ordinal);
                Assert.True(e.Trouble.Retry, e.Message);
            }
        }
        Assert.True(proxy.Cuts > 1, $"only {proxy.Cuts} connections were cut");
        proxy.Cut = null;
        Assert.NotEmpty(images);
        var listed = await unit.Unit.ListImagesAsync(default);
        Assert.Empty(listed.Damaged);
        Assert.Empty((await UnitVerify.RunAsync(unit.Unit, unit.Keys, null, default)).Damage);
        foreach (var (image, disk) in images) Assert.Equal(disk, await unit.RestoreAsync(listed.Images.Single(i => i.Header.Id == image)));
        // A commit whose answer was lost may be there without its caller knowing.
        Assert.InRange(listed.Images.Count, images.Count, 4);
    }

    [Fact]
    public async Task What_makes_a_bucket_unusable_is_said()
    {
        var address = await rgw.BucketAsync();
        await ExpectAsync(new S3Volume(S3Address.Parse($"s3+{rgw.Endpoint}no-such-bucket"), rgw.Client(), Environment), "there is no such bucket",
            "make the bucket");
        await ExpectAsync(new S3Volume(address, rgw.Client(secret: "WRONG"), Environment), "the secret key is wrong", "AWS_SECRET_ACCESS_KEY");
        await ExpectAsync(new S3Volume(address, rgw.Client(key: "NOBODY"), Environment), "the access key is not known", "AWS_ACCESS_KEY_ID");
        await ExpectAsync(new S3Volume(address, rgw.Client(new Uri("http://127.0.0.1:1/"), retries: 0), Environment), "cannot be reached",
            "check the address");
        await ExpectAsync(new S3Volume(address, rgw.Client(new Uri($"https://127.0.0.1:{rgw.Port}/"), retries: 0), Environment), "TLS",
            "certificate");
        await ExpectAsync(new S3Volume(address, rgw.Client(new Uri("http://no-such-host.invalid/"), retries: 0), Environment), "name",
            "correct the address");
    }

    [Fact]
    public async Task A_server_that_is_no_object_store_is_said_so()
    {
        await rgw.ReadyAsync();
        using var listener = new System.Net.HttpListener();
        var port = FreePort();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        var serving = Task.Run(async () =>
        {
            while (listener.IsListening)
            {
                var context = await listener.GetContextAsync();
                context.Response.StatusCode = 404;
                context.Response.OutputStream.Write("<html><body>not here</body></html>"u8);
                context.Response.Close();
            }
        });
        var endpoint = new Uri($"http://127.0.0.1:{port}/");
        await ExpectAsync(new S3Volume(S3Address.Parse($"s3+{endpoint}bucket"), rgw.Client(endpoint, retries: 0), Environment), "no object store",
            "S3 interface");
        listener.Stop();
        await serving.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
    }

    private static UnitEnvironment Environment => new(TimeProvider.System, S3Rig.NextId);

    private static async Task ExpectAsync(S3Volume volume, string message, string next)
    {
        await using (volume)
        {
            var trouble = (await Assert.ThrowsAsync<TroubleException>(() => StorageUnit.OpenAsync(volume, Environment, default))).Trouble;
            Assert.True(trouble.Message.Contains(message, StringComparison.Ordinal), trouble.ToString());
            Assert.Contains(next, trouble.NextStep, StringComparison.Ordinal);
        }
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
