using Microsoft.EntityFrameworkCore;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>Who did what. Lines are added, never changed.</summary>
public sealed class AuditTable
{
    private readonly CatalogFile _file;

    internal AuditTable(CatalogFile file) => _file = file;

    /// <summary>Adds a line.</summary>
    public Task Add(AuditEntry entry) => _file.Write(db =>
    {
        db.Audit.Add(entry);
        return Task.CompletedTask;
    });

    /// <summary>Newest first.</summary>
    /// <param name="limit">At most so many.</param>
    /// <param name="before">Only lines with a smaller number.</param>
    public Task<IReadOnlyList<AuditEntry>> List(int limit, long before = long.MaxValue) => _file.Read<IReadOnlyList<AuditEntry>>(async db =>
        await db.Audit.Where(e => e.Number < before).OrderByDescending(e => e.Number).Take(limit).ToListAsync());
}
