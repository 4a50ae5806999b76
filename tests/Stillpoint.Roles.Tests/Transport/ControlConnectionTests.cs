using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Transport;

public sealed class ControlConnectionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CertificateAuthority _authority;
    private readonly RoleIdentity _identity;
    private readonly HubRecord _record = new();
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(60));

    public ControlConnectionTests()
    {
        _authority = CertificateAuthority.LoadOrCreate(_folder.File("ca"), TimeProvider.System);
        _identity = RoleIdentity.Issue(_authority, "host-1", PeerRoles.Client, TimeProvider.System);
    }

    public void Dispose()
    {
        _identity.Dispose();
        _authority.Dispose();
        _limit.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task It_says_hello_by_its_certificate_and_calls_go_both_ways()
    {
        await using var server = await HubServer.StartAsync(_authority, _record);
        await using var connection = Connect(server.Address);
        connection.Handle(new ScriptedClient());
        connection.Start();
        var welcome = await connection.WelcomedAsync(_limit.Token);
        Assert.Equal("0.1.0", welcome.Version);

        await connection.Primary.RecordIntent(Intent(1));
        Assert.Equal(Intent(1).Id, _record.Intents.Single().Id);

        var hello = _record.Hellos.Single();
        Assert.Equal("host-1", hello.Name);
        var client = RoleProxies.Client(server.Hub.Clients.Client(hello.Connection), "host-1", _limit.Token);
        Assert.Equal("HOST", (await client.TakeInventory()).HostName);
    }

    [Fact]
    public async Task A_slow_inventory_does_not_hold_up_a_cancel()
    {
        await using var server = await HubServer.StartAsync(_authority, _record);
        await using var connection = Connect(server.Address);
        var handler = new ScriptedClient();
        handler.Gate = new TaskCompletionSource();
        connection.Handle(handler);
        connection.Start();
        await connection.WelcomedAsync(_limit.Token);
        var client = RoleProxies.Client(server.Hub.Clients.Client(_record.Hellos.Single().Connection), "host-1", _limit.Token);
        var inventory = client.TakeInventory();
        await client.Cancel(Guid.Empty);
        Assert.False(inventory.IsCompleted);
        handler.Gate.SetResult();
        await inventory;
    }

    [Fact]
    public async Task Troubles_keep_their_words_in_both_directions()
    {
        await using var server = await HubServer.StartAsync(_authority, _record);
        await using var connection = Connect(server.Address);
        connection.Handle(new ScriptedClient());
        connection.Start();
        await connection.WelcomedAsync(_limit.Token);
        _record.OnIntent = _ => throw new TroubleException("catalog", "The disk is full.", "Free some space.");
        var told = await Assert.ThrowsAsync<TroubleException>(() => connection.Primary.RecordIntent(Intent(1)));
        Assert.Equal(new Trouble(null, "catalog", "The disk is full.", "Free some space."), told.Trouble);

        var client = RoleProxies.Client(server.Hub.Clients.Client(_record.Hellos.Single().Connection), "host-1", _limit.Token);
        told = await Assert.ThrowsAsync<TroubleException>(() => client.RunRestoreDisk(null!));
        Assert.Equal(ScriptedClient.Refusal, told.Trouble);
    }

    [Fact]
    public async Task A_durable_call_outlives_a_restart_of_the_primary_and_hello_comes_again()
    {
        var server = await HubServer.StartAsync(_authority, _record);
        await using var connection = Connect(server.Address);
        connection.Handle(new ScriptedClient());
        connection.Start();
        await connection.WelcomedAsync(_limit.Token);

        var reached = new TaskCompletionSource();
        _record.OnReport = async (_, aborted) =>
        {
            reached.TrySetResult();
            await Task.Delay(Timeout.Infinite, aborted);
        };
        var reported = connection.Primary.ReportOutcome(Report());
        await reached.Task.WaitAsync(_limit.Token);
        var port = server.Address.Port;
        await server.DisposeAsync();
        await connection.Primary.ReportLog(Guid.Empty, "dropped or sent, never waiting");
        Assert.False(reported.IsCompleted);

        _record.OnReport = (_, _) => Task.CompletedTask;
        await using var again = await HubServer.StartAsync(_authority, _record, port);
        await reported.WaitAsync(_limit.Token);
        Assert.Single(_record.Reports);
        Assert.NotEqual(_record.Hellos.First().Connection, _record.Hellos.Last().Connection);
    }

    [Fact]
    public async Task A_durable_call_can_be_given_up()
    {
        await using var connection = Connect(new Uri("https://127.0.0.1:1"));
        connection.Start();
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connection.Until(patience.Token).RecordIntent(Intent(1)));
    }

    [Fact]
    public async Task A_primary_of_another_authority_gets_no_word()
    {
        using var other = CertificateAuthority.LoadOrCreate(_folder.File("other"), TimeProvider.System);
        await using var server = await HubServer.StartAsync(other, _record);
        await using var connection = Connect(server.Address);
        connection.Start();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connection.WelcomedAsync(patience.Token));
        Assert.Empty(_record.Hellos);
    }

    [Fact]
    public void A_media_server_cannot_pass_for_the_primary()
    {
        // Same authority, sound certificate, wrong role.
        using var media = RoleIdentity.Issue(_authority, "media-1", PeerRoles.Media, TimeProvider.System);
        Assert.False(_identity.Peers.RequireServer(PeerRoles.Primary)(this, media.Certificate, null, default));
        Assert.True(_identity.Peers.RequireServer(PeerRoles.Media)(this, media.Certificate, null, default));
        using var primary = _authority.IssueServer("primary-1", []);
        Assert.True(_identity.Peers.RequireServer(PeerRoles.Primary)(this, primary, null, default));
    }

    private ControlConnection Connect(Uri address) => new(address, _identity,
        () => new RoleHello(PeerRoles.Client, "0.1.0", null, []), TimeProvider.System, new Random(7), NullLogger.Instance);

    private static Intent Intent(byte n) => new(new Guid(n, 0, 0, new byte[8]), Guid.Empty, Guid.Empty, HostCall.CreateSnapshot, [], null, default);

    private static JobReport Report() => new(Guid.Empty, JobOutcome.Ok, [], null, null, [], [], null);

    private sealed class ScriptedClient : IClientCalls
    {
        public static Trouble Refusal { get; } = new(Phase.Preflight, "disk D:", "It is read-only.", "Choose another.", true);

        public TaskCompletionSource? Gate { get; set; }

        public Task RunBackup(BackupOrder order) => Task.CompletedTask;

        public Task RunRestoreVm(RestoreVmOrder order) => Task.CompletedTask;

        public Task RunRestoreDisk(RestoreDiskOrder order) => throw new TroubleException(Refusal);

        public Task Cancel(Guid jobId) => Task.CompletedTask;

        public Task RunRollback(RollbackOrder order) => Task.CompletedTask;

        public Task<SweepReport> Sweep(IReadOnlyList<Intent> known) => Task.FromResult(new SweepReport([], []));

        public Task<PreflightReport> Preflight(PreflightOrder order) => Task.FromResult(new PreflightReport(null, []));

        public async Task<HostInventory> TakeInventory()
        {
            if (Gate is not null) await Gate.Task;
            return new HostInventory("HOST", []);
        }
    }
}
