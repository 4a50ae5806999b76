using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace Stillpoint.Catalog;

/// <summary>What <c>dotnet ef migrations add</c> uses; no database is opened.</summary>
internal sealed class CatalogContextAtDesign : IDesignTimeDbContextFactory<CatalogContext>
{
    public CatalogContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<CatalogContext>().UseSqlite("Data Source=design.db").Options);
}
