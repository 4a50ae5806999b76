using Stillpoint.Catalog;
using Stillpoint.Model;
using Stillpoint.Transport;

namespace Stillpoint.Primary;

/// <summary>Makes what a client gets: the order, with a signed grant, the data endpoint, the key and the intents that are open.</summary>
internal sealed class Orders(CatalogStore catalog, KeyDomains keys, GrantSigner signer, PrimaryOptions options)
{
    /// <summary>The call that hands over a job that was just marked active; its <see cref="Job.ImageId"/> is set.</summary>
    /// <exception cref="TroubleException">What it needs is gone.</exception>
    public Task<Func<IClientCalls, Task>> Make(Job job, string dataAddress) => job.Kind switch
    {
        JobKind.Backup => Backup(job, dataAddress),
        JobKind.RestoreVm or JobKind.RestoreDisk => Restore(job, dataAddress),
        JobKind.Rollback => Rollback(job, dataAddress),
        _ => throw new TroubleException($"job {job.Id}", $"A {Words.Of(job.Kind)} job is not run by a client.", "Report this."),
    };

    private async Task<Func<IClientCalls, Task>> Backup(Job job, string dataAddress)
    {
        var policy = (await catalog.Policies.Find(job.Policy ?? ""))?.Policy
            ?? throw new TroubleException($"policy {job.Policy}", "It was deleted before the job began.", "Run another policy.");
        var host = await Host(job);
        var access = Access(job, GrantKind.Backup, keys.GetOrMake(host.KeyDomain), dataAddress);
        var order = new BackupOrder(
            job.Id, job.ImageId!.Value, job.VmId, job.VmName, policy.Name, policy.Method, job.Type ?? ImageType.Full,
            policy.BlockLevelIncremental, policy.Consistency, policy.GuestBackupType, policy.TrackingAudit,
            policy.RescanDays, await OpenIntents(job), access) { OutsideDisks = policy.OutsideDisks };
        return client => client.RunBackup(order);
    }

    private async Task<Func<IClientCalls, Task>> Restore(Job job, string dataAddress)
    {
        var image = job.ImageId is { } id ? await catalog.Images.Find(id) : null;
        if (image is null || job.Restore is not { } restore)
            throw new TroubleException($"image {job.ImageId}", "It is no longer in the catalog.", "Choose another image: stillpoint image list.");
        var access = Access(job, GrantKind.Restore, keys.Get(image.KeyDomain), dataAddress);
        if (job.Kind == JobKind.RestoreDisk)
        {
            var disk = new RestoreDiskOrder(job.Id, image.Id, restore.Disk ?? "0", restore.Target ?? "", access);
            return client => client.RunRestoreDisk(disk);
        }
        var vm = new RestoreVmOrder(job.Id, image.Id, restore.NewName ?? job.VmName, restore.Folder, restore.Start, await OpenIntents(job), access)
        {
            Original = restore.Original, KeepId = restore.KeepId, Network = restore.Network ?? NetworkMap.Disconnected,
        };
        return client => client.RunRestoreVm(vm);
    }

    private async Task<Func<IClientCalls, Task>> Rollback(Job job, string dataAddress)
    {
        var image = job.ImageId is { } id ? await catalog.Images.Find(id) : null;
        if (image is null || job.Restore is not { } restore)
            throw new TroubleException($"image {job.ImageId}", "It is no longer in the catalog.", "Choose another image: stillpoint image list.");
        // It reads the base notes of all images of the VM, to find the reference points that nothing may build on afterwards: a right that a restore
        // has not. The image that such a grant may commit is one that nobody makes.
        var access = Access(job with { ImageId = options.NewId() }, GrantKind.Backup, keys.Get(image.KeyDomain), dataAddress);
        var order = new RollbackOrder(job.Id, image.Id, image.VmId, image.Vm, restore.Start, await OpenIntents(job), access);
        return client => client.RunRollback(order);
    }

    private async Task<HostRecord> Host(Job job) => await catalog.Hosts.Find(job.Host)
        ?? throw new TroubleException($"host {job.Host}", "It is no longer known.", "Let it join again.");

    /// <summary>What was left unfinished: of the VM, whichever client began it, and for a restore what this client began for a restore. What an
    /// active job is about is not left: it is being worked on.</summary>
    private async Task<IReadOnlyList<Intent>> OpenIntents(Job job)
    {
        var active = (await catalog.Jobs.Open()).Where(j => j.State == JobState.Active && j.Id != job.Id).Select(j => j.Id).ToHashSet();
        var found = job.Kind is JobKind.Backup or JobKind.Rollback
            ? await catalog.Intents.OfVm(job.VmId)
            : [.. (await catalog.Intents.OfClient(job.Host)).Where(i => i.Call is HostCall.ImportSystemDefinition or HostCall.WriteFiles)];
        return [.. found.Where(i => !active.Contains(i.JobId))];
    }

    private DataAccess Access(Job job, GrantKind kind, DomainKey key, string dataAddress)
    {
        var grant = new JobGrant(
            kind, job.Id, job.Host, job.VmId, job.ImageId ?? throw new InvalidOperationException("an active job has an image id"), key.Id,
            job.StorageUnit, options.Time.GetUtcNow() + options.GrantLife, key.Epoch);
        return new DataAccess(dataAddress, job.StorageUnit, signer.Sign(grant), key.Master, key.Epoch);
    }
}
