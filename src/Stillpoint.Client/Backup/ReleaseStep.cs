using Stillpoint.Chunks;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>How a release ended.</summary>
/// <param name="Detail">For people.</param>
/// <param name="HasBaseNote">True when the next incremental may build on the image.</param>
internal sealed record Released(string Detail, bool HasBaseNote);

/// <summary>
/// Phase 5, after the image is committed: the checkpoint becomes a reference point, the base note is written beside the image, and only then the
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
    public async Task<Released> RunAsync(BackupOrder order, Guid imageId, OpenCheckpoint open, bool keepsPoint, CancellationToken cancel)
    {
        var hasNote = false;
        try
        {
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
            var released = keepsPoint ? "reference point kept" : "checkpoint destroyed";
            return new Released(await WaitForMergeAsync(order.VmId, cancel) ? $"{released}, disks merged" : $"{released}, disks still merge", hasNote);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            await line.WarnAsync("the image is committed and the checkpoint released; the merge of its disks was not waited for.");
            return new Released("the merge was not waited for", hasNote);
        }
        catch (TroubleException failure)
        {
            await line.WarnAsync($"the image is committed, but the release failed: {failure.Trouble.Culprit}: {failure.Trouble.Message} " +
                "The next backup of this VM clears what was left.");
            return new Released($"failed: {failure.Trouble.Culprit}: {failure.Trouble.Message}", hasNote);
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

    private async Task<bool> WaitForMergeAsync(Guid vmId, CancellationToken cancel)
    {
        if (!await new MergeWait(services, line).UntilMergedAsync(vmId, services.MergeLimit, cancel))
        {
            await line.WarnAsync($"the disks had not merged after {services.MergeLimit.TotalMinutes:0} minutes; the host goes on by itself. " +
                "Look at the VM's status in Hyper-V Manager.");
            return false;
        }
        Kill.Reach(KillPoint.Merged);
        return true;
    }
}
