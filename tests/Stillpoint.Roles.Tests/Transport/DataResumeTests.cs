using Stillpoint.Chunks;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

/// <summary>Broken connections: nothing lost, nothing doubled, and a clear word when it cannot go on.</summary>
public sealed class DataResumeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public async Task A_transfer_over_a_wire_that_keeps_breaking_arrives_once_and_in_order(int seed)
    {
        await using var rig = new DataRig(new DataServerOptions { Window = 512 << 10 });
        await using var proxy = new CuttingProxy(rig.EndPoint.Port);
        var random = new Random(seed);
        proxy.Allowance = () => random.Next(20_000, 2_000_000);
        await using var client = await DataClient.OpenAsync(rig.Access(rig.Signer.Sign(rig.Grant()), proxy.Address), rig.Client,
            new DataClientOptions(), TimeProvider.System, new Random(1), Cancel);
        var records = Enumerable.Range(0, 700).Select(i => rig.Record(100 + (i * 977 % 60_000))).ToArray();
        var counter = new SentCounter();
        var questions = new List<(int Before, Task<bool[]> Answer)>();
        for (var i = 0; i < records.Length; i++)
        {
            counter.Add(records[i]);
            await client.PutRecordAsync(records[i], Cancel);
            if (i % 20 == 0) questions.Add((i, client.HasChunksAsync(records.Select(r => r.Id).ToArray(), Cancel)));
        }
        await client.FlushAsync(Cancel);
        Assert.Equal(records.Select(r => r.Id), rig.Units.Opened.Single().Order);
        foreach (var (before, answer) in questions)
        {
            var has = await answer;
            Assert.All(has.Take(before + 1), Assert.True);
        }
        var back = await client.ReadRecordsAsync(records.Select(r => r.Id).ToArray(), Cancel);
        Assert.True(records.Zip(back).All(p => p.First.Bytes.Span.SequenceEqual(p.Second.Bytes.Span)));
        await client.CommitAsync(rig.Header(), rig.Blob(), counter.Totals, Cancel);
        Assert.Single(rig.Units.Images);
        Assert.True(client.Resumptions >= 10, $"The wire broke {client.Resumptions} times only.");
        Assert.Equal(1, rig.Server.Sessions);
    }

    [Fact]
    public async Task A_commit_whose_answer_was_lost_is_not_done_twice()
    {
        await using var rig = new DataRig();
        await using var proxy = new CuttingProxy(rig.EndPoint.Port);
        rig.Units.AfterCommit = proxy.CutAll;
        await using var client = await rig.OpenAsync(address: proxy.Address);
        var receipt = await client.CommitAsync(rig.Header(), rig.Blob(), new SentCounter().Totals, Cancel);
        Assert.Equal(DataRig.Id(3), receipt.ImageId);
        Assert.Single(rig.Units.Images);
        Assert.Equal(1, client.Resumptions);
    }

    [Fact]
    public async Task A_media_server_that_was_started_again_ends_the_session_and_the_job_may_be_run_again()
    {
        await using var rig = new DataRig();
        await using var client = await rig.OpenAsync();
        await client.PutRecordAsync(rig.Record(), Cancel);
        await client.FlushAsync(Cancel);
        await rig.RestartAsync();
        var trouble = await Assert.ThrowsAsync<TroubleException>(() => client.FlushAsync(Cancel));
        Assert.Contains("session is unknown", trouble.Trouble.Message, StringComparison.Ordinal);
        Assert.True(trouble.Trouble.Retry);
        Assert.True(rig.Units.Opened.Single().IsDisposed);
        await using var again = await rig.OpenAsync();
        await again.FlushAsync(Cancel);
    }

    [Fact]
    public async Task A_media_server_that_stays_away_is_named_after_the_time_allowed()
    {
        await using var rig = new DataRig();
        await using var client = await rig.OpenAsync(options: new DataClientOptions { ResumeFor = TimeSpan.FromMilliseconds(300) });
        await client.FlushAsync(Cancel);
        await rig.StopAsync();
        var trouble = await Assert.ThrowsAsync<TroubleException>(() => client.FlushAsync(Cancel));
        Assert.Equal($"media server 127.0.0.1:{rig.EndPoint.Port}", trouble.Trouble.Culprit);
        Assert.True(trouble.Trouble.Retry);
        await rig.RestartAsync();
    }

    [Fact]
    public async Task An_unreachable_media_server_is_told_at_once()
    {
        await using var rig = new DataRig();
        await rig.StopAsync();
        var trouble = await Assert.ThrowsAsync<TroubleException>(() => rig.OpenAsync());
        Assert.True(trouble.Trouble.Retry);
        await rig.RestartAsync();
    }

    [Fact]
    public async Task A_session_without_a_commit_leaves_when_its_client_says_so()
    {
        await using var rig = new DataRig();
        var client = await rig.OpenAsync();
        await client.PutRecordAsync(rig.Record(), Cancel);
        await client.DisposeAsync();
        Assert.True(rig.Units.Opened.Single().IsDisposed);
        Assert.Equal(0, rig.Server.Sessions);
        Assert.Empty(rig.Units.Images);
    }
}
