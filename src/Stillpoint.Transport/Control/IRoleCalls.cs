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

    /// <summary>Stops a job; its outcome comes as <see cref="JobOutcome.Cancelled"/>.</summary>
    Task Cancel(Guid jobId);

    /// <summary>Looks at the host now.</summary>
    Task<HostInventory> TakeInventory();

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

/// <summary>A storage unit of a media server.</summary>
/// <param name="Name">Its name at the primary.</param>
/// <param name="UnitId">Its own id.</param>
/// <param name="Folder">Where it lies.</param>
/// <param name="ChunkSize">Bytes.</param>
/// <param name="FreeBytes">Free space of its volume; -1 where there is no bound, as in a bucket.</param>
public sealed record StorageUnitInfo(string Name, Guid UnitId, string Folder, int ChunkSize, long FreeBytes);
