using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>
/// The SQLite file. Readers run side by side on the write-ahead log; writers queue here, one at a time and each in a transaction that
/// takes the write lock when it begins, so that SQLite never finds two writers of this process and none starts as a reader that cannot
/// become a writer. What another process holds is waited for.
/// </summary>
internal sealed class CatalogFile : IDisposable
{
    /// <summary>Ids that one statement names: well within what SQLite takes.</summary>
    internal const int IdsAtOnce = 500;

    private const int Busy = 5;
    private const int Locked = 6;
    private const int Full = 13;
    private const int Tries = 20;
    private readonly SemaphoreSlim _writer = new(1, 1);
    private readonly DbContextOptions<CatalogContext> _options;
    private readonly string _path;
    private readonly string _connection;
    private readonly TimeProvider _time;

    public CatalogFile(string path, TimeProvider time)
    {
        (_path, _time) = (path, time);
        var connection = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWriteCreate,
            ForeignKeys = true,
            Pooling = true,
            DefaultTimeout = 30,
        };
        _connection = connection.ToString();
        _options = new DbContextOptionsBuilder<CatalogContext>()
            .UseSqlite(_connection)
            .AddInterceptors(new ConnectionSettings())
            .UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking)
            .Options;
    }

    /// <summary>Creates the file or brings it to this version's tables.</summary>
    public Task Migrate(CancellationToken cancel) => Guarded(async () =>
    {
        await using var context = new CatalogContext(_options);
        await context.Database.MigrateAsync(cancel);
        return true;
    }, cancel);

    /// <summary>Reads; sees one state of the file.</summary>
    public Task<T> Read<T>(Func<CatalogContext, Task<T>> read, CancellationToken cancel = default) => Guarded(async () =>
    {
        await using var context = new CatalogContext(_options);
        return await read(context);
    }, cancel);

    /// <summary>Writes in one transaction; durable when it returns.</summary>
    public Task<T> Write<T>(Func<CatalogContext, Task<T>> write, CancellationToken cancel = default) => Guarded(async () =>
    {
        await _writer.WaitAsync(cancel);
        try
        {
            await using var context = new CatalogContext(_options);
            await using var transaction = await context.Database.BeginTransactionAsync(cancel);
            var result = await write(context);
            await context.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
            return result;
        }
        finally
        {
            _writer.Release();
        }
    }, cancel);

    /// <summary>Writes in one transaction; durable when it returns.</summary>
    public Task Write(Func<CatalogContext, Task> write, CancellationToken cancel = default) => Write(async context =>
    {
        await write(context);
        return true;
    }, cancel);

    public void Dispose()
    {
        using (var pooled = new SqliteConnection(_connection)) SqliteConnection.ClearPool(pooled);
        _writer.Dispose();
    }

    private async Task<T> Guarded<T>(Func<Task<T>> work, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await work();
            }
            catch (Exception error) when (Cause(error) is { } cause)
            {
                if (cause.SqliteErrorCode is not (Busy or Locked)) throw Broken(cause);
                if (attempt == Tries)
                {
                    throw new TroubleException("catalog", $"{_path} is held by another program.",
                        "End the program that has the catalog open, then try again.", retry: true, cause);
                }
                await Task.Delay(TimeSpan.FromMilliseconds(50 * attempt), _time, cancel);
            }
        }
    }

    private TroubleException Broken(SqliteException cause) => cause.SqliteErrorCode == Full
        ? new TroubleException("catalog", $"The disk of {_path} is full.", "Make room on that disk; nothing was changed.", retry: true, cause)
        : new TroubleException("catalog", $"{_path} cannot be used: {cause.Message}",
            "Check the disk and the file's permissions; the catalog can be rebuilt from the storage units.", retry: false, cause);

    /// <summary>The database's own error, unless it is a broken rule of a table: that one is for the caller.</summary>
    private static SqliteException? Cause(Exception? error)
    {
        const int Constraint = 19;
        while (error is not null and not SqliteException) error = error.InnerException;
        return error is SqliteException { SqliteErrorCode: not Constraint } cause ? cause : null;
    }
}
