using Microsoft.EntityFrameworkCore;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>Hosts with a client of ours.</summary>
public sealed class HostTable
{
    private readonly CatalogFile _file;

    internal HostTable(CatalogFile file) => _file = file;

    /// <summary>All hosts by name.</summary>
    public Task<IReadOnlyList<HostRecord>> List() => _file.Read<IReadOnlyList<HostRecord>>(async db =>
        await db.Hosts.OrderBy(h => h.Name).ToListAsync());

    /// <summary>One host; null where there is none of that name.</summary>
    public Task<HostRecord?> Find(string name) => _file.Read(db => db.Hosts.FirstOrDefaultAsync(h => h.Name == name));

    /// <summary>Adds a host; one of that name stays as it is.</summary>
    public Task Add(HostRecord host) => _file.Write(async db =>
    {
        if (!await db.Hosts.AnyAsync(h => h.Name == host.Name)) db.Hosts.Add(host);
    });

    /// <summary>Notes that the client was heard of.</summary>
    /// <returns>False when there is no such host.</returns>
    public Task<bool> Seen(string name, string version, DateTimeOffset now) => _file.Write(async db => await db.Hosts.Where(h => h.Name == name)
        .ExecuteUpdateAsync(set => set.SetProperty(h => h.Version, version).SetProperty(h => h.LastSeen, now)) == 1);

    /// <summary>Notes what a client found on its host.</summary>
    public Task Inventoried(string name, HostInventory inventory, DateTimeOffset now) => _file.Write(async db =>
    {
        if (await db.Hosts.FirstOrDefaultAsync(h => h.Name == name) is { } host)
            db.Hosts.Update(host with { Inventory = inventory, InventoryTaken = now });
    });
}

/// <summary>Media servers.</summary>
public sealed class MediaServerTable
{
    private readonly CatalogFile _file;

    internal MediaServerTable(CatalogFile file) => _file = file;

    /// <summary>All media servers by name.</summary>
    public Task<IReadOnlyList<MediaServerRecord>> List() => _file.Read<IReadOnlyList<MediaServerRecord>>(async db =>
        await db.MediaServers.OrderBy(m => m.Name).ToListAsync());

    /// <summary>Adds a media server; one of that name stays as it is.</summary>
    public Task Add(MediaServerRecord server) => _file.Write(async db =>
    {
        if (!await db.MediaServers.AnyAsync(m => m.Name == server.Name)) db.MediaServers.Add(server);
    });

    /// <summary>Notes that the media server was heard of.</summary>
    /// <returns>False when there is no such media server.</returns>
    public Task<bool> Seen(string name, string version, string? dataAddress, DateTimeOffset now) => _file.Write(async db =>
        await db.MediaServers.Where(m => m.Name == name).ExecuteUpdateAsync(set => set
            .SetProperty(m => m.Version, version)
            .SetProperty(m => m.DataAddress, dataAddress)
            .SetProperty(m => m.LastSeen, now)) == 1);
}

/// <summary>Storage units.</summary>
public sealed class StorageUnitTable
{
    private readonly CatalogFile _file;

    internal StorageUnitTable(CatalogFile file) => _file = file;

    /// <summary>All storage units by name.</summary>
    public Task<IReadOnlyList<StorageUnitRecord>> List() => _file.Read<IReadOnlyList<StorageUnitRecord>>(async db =>
        await db.StorageUnits.OrderBy(u => u.Name).ToListAsync());

    /// <summary>One storage unit; null where there is none of that name.</summary>
    public Task<StorageUnitRecord?> Find(string name) => _file.Read(db => db.StorageUnits.FirstOrDefaultAsync(u => u.Name == name));

    /// <summary>Adds a storage unit.</summary>
    /// <returns>False when the name is taken.</returns>
    public Task<bool> Add(StorageUnitRecord unit) => _file.Write(async db =>
    {
        if (await db.StorageUnits.AnyAsync(u => u.Name == unit.Name)) return false;
        db.StorageUnits.Add(unit);
        return true;
    });
}
