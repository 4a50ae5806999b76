using System.Security.Cryptography;
using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>What goes through a data session arrives: once, whole, in order; and only what the grant allows.</summary>
public sealed class DataSessionTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_backup_goes_through_and_comes_back()
    {
        await using var rig = new DataRig();
        await using var client = await rig.OpenAsync();
        Assert.Equal(64 << 10, client.Unit.ChunkSize);
        var records = Enumerable.Range(0, 300).Select(i => rig.Record(17 + (i * 211 % 65_000))).ToArray();
        var counter = new SentCounter();
        foreach (var record in records)
        {
            counter.Add(record);
            await client.PutRecordAsync(record, Cancel);
        }
        var node = RandomNumberGenerator.GetBytes(5000);
        var nodeId = NodeId.Read(SHA256.HashData(node));
        await client.PutNodeAsync(nodeId, node, Cancel);
        await client.FlushAsync(Cancel);

        var asked = records.Select(r => r.Id).Append(new ChunkId(1, 2, 3, 4)).ToArray();
        var has = await client.HasChunksAsync(asked, Cancel);
        Assert.Equal(asked.Length - 1, has.Count(h => h));
        Assert.False(has[^1]);

        var details = rig.Blob(3 << 20);
        var receipt = await client.CommitAsync(rig.Header(), details, counter.Totals, Cancel);
        Assert.Equal(new ImageReceipt(DataRig.Id(3), counter.Totals.RecordBytes), receipt);
        await client.PutNoteAsync(DataRig.Id(3), NoteKind.Base, rig.Blob(), Cancel);

        await using var reader = await rig.OpenAsync(rig.Grant(GrantKind.Restore));
        var image = Assert.Single(await reader.ListImagesAsync(Cancel));
        Assert.Equal(rig.Header().Streams, image.Header.Streams);
        Assert.True(details.Bytes.Span.SequenceEqual(image.Details.Bytes.Span));
        Assert.Equal(NoteKind.Base, Assert.Single(image.Notes).Kind);
        Assert.True((await reader.ReadNodeAsync(nodeId, Cancel)).Span.SequenceEqual(node));
        var back = await reader.ReadRecordsAsync(records.Select(r => r.Id).ToArray(), Cancel);
        foreach (var (sent, got) in records.Zip(back))
        {
            Assert.Equal((sent.Id, sent.Number, sent.Epoch, sent.PlainLength, sent.Compressed),
                (got.Id, got.Number, got.Epoch, got.PlainLength, got.Compressed));
            Assert.True(sent.Bytes.Span.SequenceEqual(got.Bytes.Span) && sent.PackSalt.Span.SequenceEqual(got.PackSalt.Span));
        }
    }

    [Fact]
    public async Task Two_sessions_run_side_by_side()
    {
        await using var rig = new DataRig();
        using var other = RoleIdentity.Issue(rig.Authority, "host-2", PeerRoles.Client, TimeProvider.System);
        await using var one = await rig.OpenAsync();
        await using var two = await rig.OpenAsync(rig.Grant(holder: "host-2", image: 5), identity: other);
        SealedRecord[] ofOne = [.. Enumerable.Range(0, 100).Select(_ => rig.Record())],
            ofTwo = [.. Enumerable.Range(0, 100).Select(_ => rig.Record())];
        await Task.WhenAll(Put(one, ofOne), Put(two, ofTwo));
        var opened = rig.Units.Opened.ToArray();
        Assert.Equal(ofOne.Select(r => r.Id), opened[0].Order);
        Assert.Equal(ofTwo.Select(r => r.Id), opened[1].Order);

        async Task Put(DataClient client, SealedRecord[] records)
        {
            foreach (var record in records) await client.PutRecordAsync(record, Cancel);
            await client.FlushAsync(Cancel);
        }
    }

    [Fact]
    public async Task Puts_and_questions_of_several_threads_arrive_each_once()
    {
        await using var rig = new DataRig(new DataServerOptions { Window = 128 << 10 });
        await using var client = await rig.OpenAsync();
        var records = Enumerable.Range(0, 400).Select(_ => rig.Record(9_000)).ToArray();
        await Parallel.ForEachAsync(records, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Cancel }, async (record, cancel) =>
        {
            await client.PutRecordAsync(record, cancel);
            Assert.True((await client.HasChunksAsync([record.Id], cancel))[0]);
        });
        await client.FlushAsync(Cancel);
        Assert.Equal(records.Select(r => r.Id.ToString()).Order(), rig.Units.Opened.Single().Order.Select(id => id.ToString()).Order());
    }

    [Fact]
    public async Task A_slow_unit_slows_the_client_and_what_is_on_the_way_stays_bounded()
    {
        await using var rig = new DataRig(new DataServerOptions { Window = 256 << 10 });
        var gate = new TaskCompletionSource();
        rig.Units.BeforePut = _ => gate.Task;
        await using var client = await rig.OpenAsync();
        var sent = 0;
        var pushing = Task.Run(async () =>
        {
            for (; sent < 200; Interlocked.Increment(ref sent)) await client.PutRecordAsync(rig.Record(30_000), Cancel);
        }, Cancel);
        // 256 KiB hold eight frames of 30,000 bytes and a little; the one past the window is taken and its call waits.
        while (Volatile.Read(ref sent) < 8) await Task.Delay(5, Cancel);
        await Task.Delay(200, Cancel);
        Assert.InRange(Volatile.Read(ref sent), 8, 9);
        gate.SetResult();
        await pushing;
        await client.FlushAsync(Cancel);
        Assert.Equal(200, rig.Units.Opened.Single().Order.Count);
    }

    [Fact]
    public async Task A_full_unit_says_so_to_the_client()
    {
        await using var rig = new DataRig();
        rig.Units.BeforePut = n => n < 5 ? Task.CompletedTask
            : throw new TroubleException("storage unit unit-1", "No space is left.", "Free some space.");
        await using var client = await rig.OpenAsync();
        var trouble = await Assert.ThrowsAsync<TroubleException>(async () =>
        {
            for (var i = 0; i < 50; i++) await client.PutRecordAsync(rig.Record(), Cancel);
            await client.FlushAsync(Cancel);
        });
        Assert.Equal(("storage unit unit-1", "No space is left."), (trouble.Trouble.Culprit, trouble.Trouble.Message));
        await Assert.ThrowsAsync<TroubleException>(() => client.HasChunksAsync([default], Cancel));
        Assert.Equal(5, rig.Units.Opened.Single().Order.Count);
    }

    [Fact]
    public async Task Totals_that_differ_are_refused_and_the_session_goes_on()
    {
        await using var rig = new DataRig();
        await using var client = await rig.OpenAsync();
        var counter = new SentCounter();
        await client.PutRecordAsync(rig.Record(), Cancel);
        await Refused(() => client.CommitAsync(rig.Header(), rig.Blob(), counter.Totals, Cancel), "counted 1 records");
        await client.FlushAsync(Cancel);
        Assert.Empty(rig.Units.Images);
    }

    [Fact]
    public async Task Only_the_image_of_the_grant_can_be_committed_and_only_once()
    {
        await using var rig = new DataRig();
        await using var client = await rig.OpenAsync();
        var none = new SentCounter().Totals;
        await Refused(() => client.CommitAsync(rig.Header(image: 8), rig.Blob(), none, Cancel), "not the one");
        await Refused(() => client.CommitAsync(rig.Header() with { VmId = DataRig.Id(8) }, rig.Blob(), none, Cancel), "not the one");
        await Refused(() => client.CommitAsync(rig.Header() with { Domain = DataRig.Id(8) }, rig.Blob(), none, Cancel), "not the one");
        await Refused(() => client.CommitAsync(rig.Header() with { JobId = DataRig.Id(8) }, rig.Blob(), none, Cancel), "not the one");
        await client.CommitAsync(rig.Header(), rig.Blob(), none, Cancel);
        await Refused(() => client.CommitAsync(rig.Header(), rig.Blob(), none, Cancel), "already");
        Assert.Single(rig.Units.Images);
    }

    [Theory]
    [InlineData(3, NoteKind.Base, true)]
    [InlineData(8, NoteKind.Base, false)]
    [InlineData(8, NoteKind.Suspect, true)]
    [InlineData(3, NoteKind.Hold, false)]
    [InlineData(3, NoteKind.Verified, false)]
    public async Task Notes_are_limited_to_what_a_client_may_say(int image, NoteKind kind, bool allowed)
    {
        await using var rig = new DataRig();
        await using var client = await rig.OpenAsync();
        if (allowed) await client.PutNoteAsync(DataRig.Id(image), kind, rig.Blob(), Cancel);
        else await Refused(() => client.PutNoteAsync(DataRig.Id(image), kind, rig.Blob(), Cancel), "may not write");
        Assert.Equal(allowed ? 1 : 0, rig.Units.Notes.Count);
    }

    [Fact]
    public async Task A_grant_to_restore_writes_nothing()
    {
        await using var rig = new DataRig();
        await using var client = await rig.OpenAsync(rig.Grant(GrantKind.Restore));
        await Refused(() => client.CommitAsync(rig.Header(), rig.Blob(), new SentCounter().Totals, Cancel), "reading only");
        await Refused(() => client.PutNoteAsync(DataRig.Id(3), NoteKind.Base, rig.Blob(), Cancel), "reading only");
        await Refused(() => client.HasChunksAsync([default], Cancel), "reading only");
        await Refused(async () =>
        {
            await client.PutRecordAsync(rig.Record(), Cancel);
            await client.FlushAsync(Cancel);
        }, "reading only");
        Assert.Empty(rig.Units.Records);
    }

    [Fact]
    public async Task Bad_grants_open_nothing()
    {
        await using var rig = new DataRig();
        var good = rig.Signer.Sign(rig.Grant());
        byte[] forged = [.. good];
        forged[40] ^= 1;
        await Refused(() => Open(forged), "not signed by this primary");
        await Refused(() => Open([1, 2, 3]), "no job grant");
        await Refused(() => Open(rig.Signer.Sign(rig.Grant(holder: "host-2"))), "made for 'host-2'");
        await Refused(() => Open(rig.Signer.Sign(rig.Grant() with { NotAfter = TimeProvider.System.GetUtcNow().AddSeconds(-1) })), "expired");
        await Refused(() => Open(rig.Signer.Sign(rig.Grant() with { StorageUnit = "unit-2" })), "no storage unit 'unit-2'");
        rig.Units.Grants = null;
        await Refused(() => Open(good), "not heard from its primary");
        Assert.Empty(rig.Units.Opened);

        Task<DataClient> Open(byte[] grant) =>
            DataClient.OpenAsync(rig.Access(grant), rig.Client, new DataClientOptions(), TimeProvider.System, new Random(1), Cancel);
    }

    [Fact]
    public async Task A_client_that_was_started_again_takes_the_place_of_its_older_session()
    {
        await using var rig = new DataRig();
        await using var older = await rig.OpenAsync();
        await older.FlushAsync(Cancel);
        await using var newer = await rig.OpenAsync();
        await newer.FlushAsync(Cancel);
        Assert.True(rig.Units.Opened.First().IsDisposed);
        Assert.Equal(1, rig.Server.Sessions);
        await Assert.ThrowsAsync<TroubleException>(() => older.FlushAsync(Cancel));
    }

    [Fact]
    public async Task One_client_cannot_hold_all_sessions()
    {
        await using var rig = new DataRig(new DataServerOptions { MaxSessionsOfOne = 2 });
        await using var one = await rig.OpenAsync(rig.Grant(image: 10));
        await using var two = await rig.OpenAsync(rig.Grant(image: 11));
        await Refused(() => rig.OpenAsync(rig.Grant(image: 12)), "2 of them of this client");
        await one.DisposeAsync();
        await using var three = await rig.OpenAsync(rig.Grant(image: 12));
    }

    [Fact]
    public async Task A_session_without_a_connection_gives_way_to_a_new_one_of_its_client()
    {
        await using var rig = new DataRig(new DataServerOptions { MaxSessionsOfOne = 2 });
        var proxy = new CuttingProxy(rig.EndPoint.Port);
        await using var dead = await rig.OpenAsync(rig.Grant(image: 10), proxy.Address, new DataClientOptions { ResumeFor = TimeSpan.Zero });
        await using var alive = await rig.OpenAsync(rig.Grant(image: 11));
        await Refused(() => rig.OpenAsync(rig.Grant(image: 12)), "2 of them of this client");
        await proxy.DisposeAsync();
        await using var another = await OnceThereIsRoomAsync(() => rig.OpenAsync(rig.Grant(image: 12)));
        await alive.FlushAsync(Cancel);
        await Assert.ThrowsAsync<TroubleException>(() => dead.FlushAsync(Cancel));
    }

    [Fact]
    public async Task A_missing_chunk_or_node_is_told_by_name()
    {
        await using var rig = new DataRig();
        await using var client = await rig.OpenAsync();
        await Refused(() => client.ReadRecordsAsync([new ChunkId(7, 0, 0, 0)], Cancel), "Chunk 0000000000000007");
        await Refused(async () => await client.ReadNodeAsync(new NodeId(7, 0, 0, 0), Cancel), "Node 0000000000000007");
    }

    /// <summary>The server hears a moment later that a connection is gone.</summary>
    private static async Task<DataClient> OnceThereIsRoomAsync(Func<Task<DataClient>> open)
    {
        for (var tries = 200; ; tries--)
        {
            try
            {
                return await open();
            }
            catch (TroubleException) when (tries > 0)
            {
                await Task.Delay(20, Cancel);
            }
        }
    }

    private static async Task Refused(Func<Task> call, string why) =>
        Assert.Contains(why, (await Assert.ThrowsAsync<TroubleException>(call)).Trouble.Message, StringComparison.Ordinal);
}
