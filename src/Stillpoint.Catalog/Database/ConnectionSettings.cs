using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Stillpoint.Catalog;

/// <summary>What a SQLite connection forgets when it is closed. Every commit is synced: what the primary answered for must outlive a power cut.</summary>
internal sealed class ConnectionSettings : DbConnectionInterceptor
{
    private const string Settings = "PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;";

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = connection.CreateCommand();
        command.CommandText = Settings;
        command.ExecuteNonQuery();
    }

    public override async Task ConnectionOpenedAsync(
        DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = Settings;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
