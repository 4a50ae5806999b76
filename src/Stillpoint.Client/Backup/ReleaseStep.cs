using Stillpoint.Chunks;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>
/// Phases 5 and 6, after the image is committed: the checkpoint becomes a reference point, the base note is written beside the image, and only then the
/// previous reference point goes. Without block-level incremental backup the checkpoint is destroyed. Either way the merge is waited for.
/// </summary>
internal sealed class ReleaseStep(ClientServices services, JobLine line, IImageWriter unit, DomainKeys keys)
{
    /// <summary>Releases the checkpoint. What fails here is a warning: the image is committed, and the next run clears what is left. A cancel no
    /// longer stops the release, which takes seconds and is what the host needs; it only ends the wait for the merge.</summary>
    /// <param name="order">What was asked.</param>
    /// <param name="imageId">The committed image.</param>
    /// <param name="open">The checkpoint.</param>
    /// <param name="keepsPoint">True to keep a reference point for the next incremental.</param>
    /// <param name="cancel">Ends the wait for the merge.</param>
    /// <returns>True when the next incremental may build on the image.</returns>
    public async Task<bool> RunAsync(BackupOrder order, Guid imageId, OpenCheckpoint open, bool keepsPoint, CancellationToken cancel)
    {
        var hasNote = false;
        try
        {
            await LetMergeAsync(order.VmId);
            if (keepsPoint)
            {
                await ConvertAsync(order, imageId, open, CancellationToken.None);
                hasNote = true;
            }
            else
            {
                await services.Host.DestroyCheckpointAsync(open.Checkpoint.Id, CancellationToken.None);
            }
            services.Intents.End(open.Intent);
            line.Detail(keepsPoint ? "reference point kept" : "checkpoint destroyed");
        }
        catch (TroubleException failure)
        {
            await line.WarnAsync($"the image is committed, but the release failed: {failure.Trouble.Culprit}: {failure.Trouble.Message} " +
                "The next backup of this VM clears what was left.");
            line.Detail($"failed: {failure.Trouble.Culprit}: {failure.Trouble.Message}");
            return hasNote;
        }
        await MergeAsync(order.VmId, cancel);
        return hasNote;
    }

    /// <summary>An export without its storage, by another product, leaves merging switched off: released files would pile up.</summary>
    private async Task LetMergeAsync(Guid vmId)
    {
        if (!await services.Host.IsMergingDisabledAsync(vmId, CancellationToken.None)) return;
        await services.Host.EnableMergingAsync(vmId, CancellationToken.None);
        await line.LogAsync("merging of the VM's disks was switched off; it is switched on again.");
    }

    /// <summary>Waits for the merge as a phase of its own: a merge that does not end is a warning, never silence.</summary>
    private async Task MergeAsync(Guid vmId, CancellationToken cancel)
    {
        await line.BeginAsync(Phase.Merge, "the host merges the disks");
        try
        {
            var end = await new MergeWait(services, line).RunAsync(vmId, services.MergeLimit, cancel);
            line.Detail(end.Detail);
            if (!end.IsMerged) await line.WarnAsync($"{end.Detail}; the host goes on by itself. Look at the VM's status in Hyper-V Manager.");
            else Kill.Reach(KillPoint.Merged);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            line.Detail("the merge was not waited for");
            await line.WarnAsync("the image is committed and the checkpoint released; the merge of its disks was not waited for.");
        }
        catch (TroubleException failure)
        {
            await line.WarnAsync($"the image is committed and the checkpoint released, but how the merge stands is not known: {failure.Trouble.Message}");
        }
    }

    private async Task ConvertAsync(BackupOrder order, Guid imageId, OpenCheckpoint open, CancellationToken cancel)
    {
        var before = (await services.Host.ListReferencePointsAsync(order.VmId, cancel)).Select(r => r.Id).ToList();
        var noted = KnownImages.NotedReferencePoints(await KnownImages.ReadAsync(unit, keys, cancel)).Where(before.Contains).ToList();

        var intent = await services.Intents.RecordAsync(order.JobId, order.VmId, HostCall.ConvertToReferencePoint, before, cancel);
        var point = await services.Host.ConvertToReferencePointAsync(open.Checkpoint.Id, cancel);
        Kill.Reach(KillPoint.Converted);
        intent = services.Intents.Result(intent, point.Id);

        var note = new BaseNote(point.Id, [.. point.Disks.Select(d => new BaseNoteDisk(d.SettingId, d.TrackingId))]);
        await unit.PutNoteAsync(imageId, NoteKind.Base, NoteCodec.Seal(keys, imageId, note, services.Random), cancel);
        Kill.Reach(KillPoint.BaseNoteWritten);
        services.Intents.End(intent);

        foreach (var previous in noted) await services.Host.DestroyReferencePointAsync(previous, cancel);
        Kill.Reach(KillPoint.PreviousDestroyed);
    }
}
