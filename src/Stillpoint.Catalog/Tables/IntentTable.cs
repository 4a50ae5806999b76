using Microsoft.EntityFrameworkCore;
using Stillpoint.Model;

namespace Stillpoint.Catalog;

/// <summary>What clients are about to leave on hosts, and have not cleared yet.</summary>
public sealed class IntentTable
{
    private readonly CatalogFile _file;

    internal IntentTable(CatalogFile file) => _file = file;

    /// <summary>Records an intent, or its result when it is there already.</summary>
    /// <returns>False when an intent of that id belongs to another client or job.</returns>
    public Task<bool> Put(string client, Intent intent) => _file.Write(async db =>
    {
        var row = new IntentRow
        {
            Id = intent.Id,
            JobId = intent.JobId,
            VmId = intent.VmId,
            Client = client,
            Call = intent.Call,
            IdsBefore = intent.IdsBefore,
            ResultId = intent.ResultId,
            Recorded = intent.Recorded,
        };
        if (await db.Intents.FirstOrDefaultAsync(i => i.Id == intent.Id) is not { } old) db.Intents.Add(row);
        else if (old.Client != client || old.JobId != intent.JobId) return false;
        else db.Intents.Update(row);
        return true;
    });

    /// <summary>Ends an intent; one that is not there was ended before. A client ends its own, and those of a VM that it works on now: the VM
    /// may have moved to its host.</summary>
    public Task End(string client, Guid id) => _file.Write(db => db.Intents
        .Where(i => i.Id == id && (i.Client == client
            || db.Jobs.Any(j => j.Host == client && j.VmId == i.VmId && j.State == JobState.Active)))
        .ExecuteDeleteAsync());

    /// <summary>Ends all intents of a job that did all its work: what they were about is released or wanted. Without this an end that was lost
    /// with its client could make a later sweep take a restored VM for a leftover.</summary>
    public Task EndOfJob(Guid jobId) => _file.Write(db => db.Intents.Where(i => i.JobId == jobId).ExecuteDeleteAsync());

    /// <summary>Open intents of one VM, whichever client recorded them: a VM's new owner gets them too.</summary>
    public Task<IReadOnlyList<Intent>> OfVm(Guid vmId) => Where(db => db.Intents.Where(i => i.VmId == vmId));

    /// <summary>Open intents that one client recorded.</summary>
    public Task<IReadOnlyList<Intent>> OfClient(string client) => Where(db => db.Intents.Where(i => i.Client == client));

    private Task<IReadOnlyList<Intent>> Where(Func<CatalogContext, IQueryable<IntentRow>> which) => _file.Read<IReadOnlyList<Intent>>(async db =>
        [.. (await which(db).OrderBy(i => i.Recorded).ToListAsync())
            .Select(i => new Intent(i.Id, i.JobId, i.VmId, i.Call, i.IdsBefore, i.ResultId, i.Recorded))]);
}
