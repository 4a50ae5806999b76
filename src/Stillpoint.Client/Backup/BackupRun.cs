using Stillpoint.Chunks;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>
/// A backup by the WMI method, from the order to the released checkpoint. The steps are the phases that every log shows; what each acquires
/// it registers for undo. The order of writes never changes: chunks durable, image committed, checkpoint converted, base note, previous
/// reference point destroyed. A crash between any two leaves something that the next run finds and clears.
/// </summary>
internal sealed class BackupRun(ClientServices services, BackupOrder order, JobLine line)
{
    /// <summary>How long an earlier checkpoint's merge is waited for.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    /// <summary>Runs the backup and tells what was committed.</summary>
    /// <exception cref="TroubleException">It failed; what it left on the host was taken back, or is told to the next run by its intent.</exception>
    public async Task<ImageSummary> RunAsync(CancellationToken cancel)
    {
        var undo = new Undo(line);
        try
        {
            // 1 start
            await line.BeginAsync(Phase.Start, $"{Words.Of(order.Type)} backup of VM {order.VmName} by policy {order.Policy}");
            using var keys = new DomainKeys(order.Data.DomainKey, order.Data.Epoch);

            // 2 initiate: reach the data and the host, clear what an earlier run left, find the base
            await line.BeginAsync(Phase.Initiate, $"media server {order.Data.MediaAddress}, storage unit {order.Data.StorageUnit}");
            await using var unit = await services.OpenData(order.Data, cancel);
            var vm = await PreflightAsync(cancel);
            var images = await KnownImages.ReadAsync(unit, keys, cancel);
            await SweepAsync(images, cancel);
            var choice = await ChooseBaseAsync(vm, images, cancel);
            line.Detail(choice.Image is { } b ? $"base is image {b.Header.Id}" : choice.Full is { } why ? $"full read: {why.Reason}" : "full read");

            // Within the host's limits: an open checkpoint costs it space, and every reader speed.
            using var turn = await services.Gates.EnterAsync(
                HostUse.Backup, vm.Id, vm.OwnDisks.Select(d => d.Path), missing => line.ShowAsync($"waits for {missing}"), cancel);

            // 3 checkpoint: from here the disks stand still and the guest writes to new files
            await line.BeginAsync(Phase.Checkpoint, $"consistency asked: {Words.Of(order.Consistency)}");
            var open = await new CheckpointStep(services.Host, services.Intents, services.Time, line).TakeAsync(order, vm, undo, cancel);
            line.Detail($"{Words.Of(open.Achieved)}-consistent checkpoint {open.Checkpoint.Id}");
            await using var watch = new HostWatch(
                services.Files, [.. open.Checkpoint.Disks.Select(d => d.Path)], services.Limits, services.Time, cancel);

            // 4 transfer: read what changed, send it, commit
            await line.BeginAsync(Phase.Transfer, "opening the frozen disks");
            var image = await Guarded(watch, stop => new ImageTransfer(services, line, unit, keys).RunAsync(new TransferJob(order, vm, open, choice, images), stop));
            undo.Keep();

            // 5 release, 6 merge
            var keepsPoint = order.BlockLevelIncremental && vm.CanTrackChanges && open.Checkpoint.Disks.Any(d => d.Kind == VmDiskKind.Vhdx);
            await line.BeginAsync(Phase.Release, keepsPoint ? "converting the checkpoint to a reference point" : "destroying the checkpoint");
            var hasNote = await new ReleaseStep(services, line, unit, keys).RunAsync(order, image.Id, open, keepsPoint, cancel);
            await line.EndAsync(PhaseOutcome.Ok);
            return image with { HasBaseNote = hasNote };
        }
        catch
        {
            await undo.RunAsync();
            throw;
        }
    }

    private async Task<VirtualMachine> PreflightAsync(CancellationToken cancel)
    {
        var result = await new Preflight(services).LookAsync(new PreflightOrder(
            order.VmId, order.VmName, order.Consistency, order.BlockLevelIncremental, order.OutsideDisks, order.OpenIntents), cancel);
        await line.FindAsync(result.Findings);
        return result.Vm ?? throw new InvalidOperationException("a missing VM is a refusal");
    }

    private async Task SweepAsync(IReadOnlyList<KnownImage> images, CancellationToken cancel)
    {
        var noted = KnownImages.NotedReferencePoints(images);
        foreach (var sentence in await services.Sweep.ClearVmAsync(order.VmId, order.OpenIntents, noted, cancel)) await line.LogAsync(sentence);
        // A checkpoint on top of a chain that still merges freezes files that the next backup will not find again: it would read all of the disk.
        if (await new MergeWait(services, line).RunAsync(order.VmId, s_patience, cancel) is { IsMerged: false } not)
            await line.LogAsync($"{not.Detail}; the backup does not wait for it any longer");
    }

    private async Task<BaseChoice> ChooseBaseAsync(VirtualMachine vm, IReadOnlyList<KnownImage> images, CancellationToken cancel)
    {
        if (order.Type != ImageType.Full && order.BlockLevelIncremental && !vm.CanTrackChanges)
            return BaseChoice.InFull(FullReadCause.NotTracked, $"configuration version {vm.ConfigurationVersion} has no change tracking");
        var points = (await services.Host.ListReferencePointsAsync(order.VmId, cancel)).Select(r => r.Id).ToHashSet();
        var lastApplied = await services.Host.GetLastAppliedSnapshotAsync(order.VmId, cancel);
        return BaseDecision.Choose(order, images, points, lastApplied, services.Time.GetUtcNow());
    }

    /// <summary>Runs the transfer under the host's protection and says its reason when that stopped it.</summary>
    private static async Task<T> Guarded<T>(HostWatch watch, Func<CancellationToken, Task<T>> transfer)
    {
        try
        {
            return await transfer(watch.Token);
        }
        catch (OperationCanceledException stopped) when (watch.Reason is { } reason)
        {
            throw new TroubleException(reason, stopped);
        }
    }
}
