using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Roles.Tests.Primary;

/// <summary>The far side of a control connection, moved by the test: the
/// connection is the product's own, only the work behind it is not done.</summary>
internal sealed class ScriptedClient(Uri primary, RoleIdentity identity) : IClientCalls, IAsyncDisposable
{
    private readonly Channel<BackupOrder> _backups = Channel.CreateUnbounded<BackupOrder>();
    private readonly Channel<Guid> _cancels = Channel.CreateUnbounded<Guid>();
    private ControlConnection? _connection;

    public ConcurrentQueue<RestoreVmOrder> VmRestores { get; } = new();

    public ConcurrentQueue<RestoreDiskOrder> DiskRestores { get; } = new();

    /// <summary>What it says that it still works on.</summary>
    public List<Guid> ActiveJobs { get; } = [];

    public List<VmInventory> Vms { get; } = [Vm(1, "web"), Vm(2, "db")];

    /// <summary>Thrown when a backup is handed over.</summary>
    public TroubleException? Refuse { get; set; }

    /// <summary>Thrown when it is to look at its host.</summary>
    public TroubleException? HostTrouble { get; set; }

    public IPrimaryCalls Primary => _connection!.Primary;

    public static VmInventory Vm(int number, string name) =>
        new(VmId(number), name, "running", 2, "9.0", [new DiskInventory($@"C:\VMs\{name}.vhdx", 1L << 30)]);

    public static Guid VmId(int number) => new(number, 7, 7, [1, 2, 3, 4, 5, 6, 7, 8]);

    public async Task Connect()
    {
        _connection = new ControlConnection(
            primary, identity, () => new RoleHello(PeerRoles.Client, "0.1.0", null, [.. ActiveJobs]),
                TimeProvider.System, new Random(1), NullLogger.Instance);
        _connection.Handle(this);
        _connection.Start();
        await _connection.WelcomedAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async Task Disconnect()
    {
        if (_connection is not null) await _connection.DisposeAsync();
        _connection = null;
    }

    public async Task<BackupOrder> NextBackup() => await _backups.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

    public async Task<Guid> NextCancel() => await _cancels.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>True when nothing was handed over that the test did not take.</summary>
    public bool IsIdle => !_backups.Reader.TryPeek(out _);

    public static JobReport Report(BackupOrder order, JobOutcome outcome, DateTimeOffset at, Trouble? trouble = null) => new(
        order.JobId, outcome,
        [new PhaseRecord(Phase.Start, at, at, PhaseOutcome.Ok, ""), new PhaseRecord(Phase.Transfer, at, at, PhaseOutcome.Ok, "1 disk")],
        outcome == JobOutcome.Failed ? null : new ImageSummary(
            order.ImageId, order.VmId, order.VmName, order.JobId, at, order.Type, Consistency.Application, BackupMethod.Wmi,
            [new DiskFigures("web.vhdx", 1L << 30, 4096, 65536, 0, 65536, 30_000, 31_000)], HasBaseNote: true),
        null, [], outcome == JobOutcome.Partial ? ["a merge did not finish"] : [], trouble);

    public Task RunBackup(BackupOrder order)
    {
        if (Refuse is { } refusal) throw refusal;
        _backups.Writer.TryWrite(order);
        return Task.CompletedTask;
    }

    public Task RunRestoreVm(RestoreVmOrder order)
    {
        VmRestores.Enqueue(order);
        return Task.CompletedTask;
    }

    public Task RunRestoreDisk(RestoreDiskOrder order)
    {
        DiskRestores.Enqueue(order);
        return Task.CompletedTask;
    }

    public Task Cancel(Guid jobId)
    {
        _cancels.Writer.TryWrite(jobId);
        return Task.CompletedTask;
    }

    public Task RunRollback(RollbackOrder order) => Task.CompletedTask;

    public Task<SweepReport> Sweep(IReadOnlyList<Intent> known) => Task.FromResult(new SweepReport([.. known.Select(i => $"ended {i.Id}")], []));

    public Task<PreflightReport> Preflight(PreflightOrder order) => Task.FromResult(new PreflightReport(null,
        [new Finding(FindingSubject.Missing, FindingLevel.Refusal, $"VM {order.VmName}", "it is gone.", "Look for it.")]));

    public Task<HostInventory> TakeInventory() => HostTrouble is { } trouble ? Task.FromException<HostInventory>(trouble)
        : Task.FromResult(new HostInventory("HV-" + identity.Self.Name, [.. Vms]));

    public async ValueTask DisposeAsync()
    {
        await Disconnect();
        identity.Dispose();
    }
}
