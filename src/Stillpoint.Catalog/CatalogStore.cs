using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>
/// What the primary server remembers. Every member that writes returns when the write is durable; a crash leaves each write done or not
/// begun. Of images it is a cache: the storage units are the truth, and nothing is ever deleted there because it is missing here.
/// </summary>
public sealed class CatalogStore : IDisposable
{
    private readonly CatalogFile _file;

    private CatalogStore(CatalogFile file, TimeProvider time)
    {
        _file = file;
        Policies = new PolicyTable(file);
        Hosts = new HostTable(file);
        MediaServers = new MediaServerTable(file);
        StorageUnits = new StorageUnitTable(file);
        Jobs = new JobTable(file, time);
        Intents = new IntentTable(file);
        Images = new ImageTable(file);
        People = new PeopleTable(file);
        JoinTokens = new JoinTokenTable(file);
        Audit = new AuditTable(file);
    }

    /// <summary>Policies and their schedules.</summary>
    public PolicyTable Policies { get; }

    /// <summary>Hosts with a client of ours.</summary>
    public HostTable Hosts { get; }

    /// <summary>Media servers.</summary>
    public MediaServerTable MediaServers { get; }

    /// <summary>Storage units.</summary>
    public StorageUnitTable StorageUnits { get; }

    /// <summary>Jobs, their phases and logs.</summary>
    public JobTable Jobs { get; }

    /// <summary>What clients are about to leave on hosts.</summary>
    public IntentTable Intents { get; }

    /// <summary>Images.</summary>
    public ImageTable Images { get; }

    /// <summary>Accounts and bearer tokens.</summary>
    public PeopleTable People { get; }

    /// <summary>One-time tokens of hosts and media servers.</summary>
    public JoinTokenTable JoinTokens { get; }

    /// <summary>Who did what.</summary>
    public AuditTable Audit { get; }

    /// <summary>Opens the SQLite file, creates it where it is absent and brings it to this version's tables.</summary>
    /// <param name="path">The file; its folder must exist. <c>-wal</c> and <c>-shm</c> lie beside it.</param>
    /// <param name="time">Clock.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="TroubleException">The file is damaged, held, or its disk is full.</exception>
    public static async Task<CatalogStore> Open(string path, TimeProvider time, CancellationToken cancel = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(time);
        var file = new CatalogFile(path, time);
        try
        {
            await file.Migrate(cancel);
            return new CatalogStore(file, time);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
