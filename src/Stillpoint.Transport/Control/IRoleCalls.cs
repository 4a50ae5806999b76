using Stillpoint.Model;

namespace Stillpoint.Transport;

/// <summary>What the primary server may ask of a client, over the connection that the client opened. Orders return as soon as they are
/// taken over; progress and outcome come back as <see cref="IPrimaryCalls"/>.</summary>
public interface IClientCalls
{
    /// <summary>Takes over a backup.</summary>
    Task RunBackup(BackupOrder order);

    /// <summary>Takes over the restore of a VM.</summary>
    Task RunRestoreVm(RestoreVmOrder order);

    /// <summary>Takes over the restore of one disk.</summary>
    Task RunRestoreDisk(RestoreDiskOrder order);

    /// <summary>Takes over a rollback.</summary>
    Task RunRollback(RollbackOrder order);

    /// <summary>Stops a job; its outcome comes as <see cref="JobOutcome.Cancelled"/>.</summary>
    Task Cancel(Guid jobId);

    /// <summary>Looks at the host now.</summary>
    Task<HostInventory> TakeInventory();

    /// <summary>Clears what earlier runs of ours left on the host, and tells of what is not ours.</summary>
    /// <param name="known">Intents that the primary knows of, besides the client's own record.</param>
    Task<SweepReport> Sweep(IReadOnlyList<Intent> known);

    /// <summary>Looks at one VM as before a backup, and changes nothing.</summary>
    Task<PreflightReport> Preflight(PreflightOrder order);
}

/// <summary>What the primary server may ask of a media server.</summary>
public interface IMediaCalls
{
    /// <summary>Makes a storage unit in a folder of the media server, or attaches the one that is there.</summary>
    Task<StorageUnitInfo> AttachUnit(string name, string folder, int chunkSize, int compressionLevel);

    /// <summary>Committed images of a unit: what rebuilds a catalog. Names are null: a media server holds no keys.</summary>
    Task<IReadOnlyList<ImageSummary>> ListImages(string unit);

    /// <summary>Images with what is sealed of them, for who holds the keys: as many of those that are asked for, in their order, as one answer
    /// takes; at least one of those that are there. Those of the last list are taken from it: the unit is not listed again for each few.</summary>
    Task<IReadOnlyList<SealedImage>> ReadImages(string unit, IReadOnlyList<Guid> images);

    /// <summary>The unit's head.</summary>
    Task<string> ReadHead(string unit);

    /// <summary>Ties the unit to the primary whose Ed25519 public key it is: it then deletes only by plans that this primary signed.</summary>
    Task AttachPrimary(string unit, byte[] publicKey);

    /// <summary>Unties it by the primary's signed order.</summary>
    Task DetachPrimary(string unit, DetachOrder order);

    /// <summary>Plans a prune, for the primary to sign; changes nothing.</summary>
    Task<PrunePlan> PlanPrune(string unit, RetentionPolicy policy, Guid? vm);

    /// <summary>Executes a plan.</summary>
    /// <returns>The images that were given up.</returns>
    Task<IReadOnlyList<Guid>> ExecutePrune(string unit, PrunePlan plan);

    /// <summary>Plans a collect of all that was given up, for the primary to sign; changes nothing.</summary>
    Task<CollectPlan> PlanCollect(string unit);

    /// <summary>Begins a collect by a plan; where one runs, that one is told of.</summary>
    Task<CollectState> StartCollect(string unit, CollectPlan plan);

    /// <summary>How the last collect that was begun stands.</summary>
    Task<CollectState> ReadCollect(string unit);

    /// <summary>Checks what is stored without a key.</summary>
    Task<VerifyResult> Verify(string unit, Guid imageId);
}

/// <summary>What a client or a media server tells the primary server. Calls that the order of writes depends on return when the primary has
/// made it durable.</summary>
public interface IPrimaryCalls
{
    /// <summary>First call on every connection.</summary>
    Task<RoleWelcome> Hello(RoleHello hello);

    /// <summary>A phase began or ended.</summary>
    Task ReportPhase(Guid jobId, PhaseRecord phase);

    /// <summary>How far the running phase is; at most a few a second.</summary>
    Task ReportProgress(Guid jobId, JobProgress progress);

    /// <summary>A line for the job's log.</summary>
    Task ReportLog(Guid jobId, string line);

    /// <summary>Records an intent, or its result; returns when it is durable.</summary>
    Task RecordIntent(Intent intent);

    /// <summary>An intent is over: what it made was released or became wanted.</summary>
    Task EndIntent(Guid intentId);

    /// <summary>How a job ended; returns when it is durable. Sent again on the next connection until it was answered.</summary>
    Task ReportOutcome(JobReport report);
}

/// <summary>Who is there.</summary>
/// <param name="Role"><c>client</c> or <c>media</c>.</param>
/// <param name="Version">Product version.</param>
/// <param name="DataAddress">A media server's data endpoint, <c>host:port</c>; null for a client.</param>
/// <param name="ActiveJobs">Jobs that this process still works on: after a lost connection they go on, after a restart there are none.</param>
public sealed record RoleHello(string Role, string Version, string? DataAddress, IReadOnlyList<Guid> ActiveJobs);

/// <summary>The primary's answer.</summary>
/// <param name="Version">The primary's product version.</param>
/// <param name="GrantKey">Ed25519 public key that job grants are signed with, 32 bytes.</param>
public sealed record RoleWelcome(string Version, byte[] GrantKey);

/// <summary>A stored image.</summary>
/// <param name="Id">The image.</param>
/// <param name="Stored">Its bytes (<see cref="StoredImageBytes"/>); null when they are too many for an answer.</param>
public sealed record SealedImage(Guid Id, byte[]? Stored);

/// <summary>A storage unit of a media server.</summary>
/// <param name="Name">Its name at the primary.</param>
/// <param name="UnitId">Its own id.</param>
/// <param name="Folder">Where it lies.</param>
/// <param name="ChunkSize">Bytes.</param>
/// <param name="FreeBytes">Free space of its volume; -1 where there is no bound, as in a bucket.</param>
public sealed record StorageUnitInfo(string Name, Guid UnitId, string Folder, int ChunkSize, long FreeBytes);
