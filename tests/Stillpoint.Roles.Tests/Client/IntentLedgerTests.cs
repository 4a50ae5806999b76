using Microsoft.Extensions.Time.Testing;
using Stillpoint.Client;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Client;

/// <summary>An intent outlives the process, is told in order, and once ended here is never acted on again.</summary>
public sealed class IntentLedgerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stillpoint-ledger-").FullName;
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task An_unfinished_intent_is_there_after_a_restart()
    {
        var cancel = TestContext.Current.CancellationToken;
        var primary = new Listener();
        await using (var ledger = Open(primary))
        {
            var intent = await ledger.RecordAsync(Guid.NewGuid(), Guid.NewGuid(), HostCall.CreateSnapshot, ["a"], cancel);
            ledger.Result(intent, "b");
        }
        await using var again = Open(primary);
        var found = Assert.Single(again.Unfinished());
        Assert.Equal(["a"], found.IdsBefore);
        Assert.Equal("b", found.ResultId);
        Assert.Equal([null, "b"], primary.Told.Select(i => i.ResultId));
    }

    [Fact]
    public async Task What_was_ended_while_the_primary_was_away_is_told_after_a_restart_and_not_acted_on_meanwhile()
    {
        var cancel = TestContext.Current.CancellationToken;
        var primary = new Listener { Away = true };
        Intent intent;
        await using (var ledger = Open(primary))
        {
            intent = await ledger.RecordAsync(Guid.NewGuid(), Guid.NewGuid(), HostCall.ConvertToReferencePoint, [], cancel);
            ledger.End(intent);
            Assert.Empty(ledger.Unfinished());
            Assert.True(ledger.WasEnded(intent.Id));
        }
        primary.Away = false;
        await using (Open(primary))
        {
        }
        Assert.Equal([intent.Id], primary.Ended);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task A_call_that_makes_something_new_waits_for_the_primary()
    {
        var primary = new Listener { Away = true };
        await using var ledger = Open(primary);
        await Assert.ThrowsAsync<TroubleException>(
            () => ledger.RecordAsync(Guid.NewGuid(), Guid.NewGuid(), HostCall.CreateSnapshot, [], TestContext.Current.CancellationToken));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private IntentLedger Open(IPrimaryCalls primary) => new(_folder, primary, _time, Guid.NewGuid);

    private sealed class Listener : IPrimaryCalls
    {
        public bool Away { get; set; }

        public List<Intent> Told { get; } = [];

        public List<Guid> Ended { get; } = [];

        public Task RecordIntent(Intent intent)
        {
            ThrowIfAway();
            Told.Add(intent);
            return Task.CompletedTask;
        }

        public Task EndIntent(Guid intentId)
        {
            ThrowIfAway();
            Ended.Add(intentId);
            return Task.CompletedTask;
        }

        public Task<RoleWelcome> Hello(RoleHello hello) => throw new NotSupportedException();

        public Task ReportPhase(Guid jobId, PhaseRecord phase) => Task.CompletedTask;

        public Task ReportProgress(Guid jobId, JobProgress progress) => Task.CompletedTask;

        public Task ReportLog(Guid jobId, string line) => Task.CompletedTask;

        public Task ReportOutcome(JobReport report) => Task.CompletedTask;

        private void ThrowIfAway()
        {
            if (Away) throw new TroubleException("primary", "it is away.", "Wait.", retry: true);
        }
    }
}
