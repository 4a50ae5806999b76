using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>The recovery checkpoints of a VM, told apart.</summary>
/// <param name="Ours">What earlier runs of ours left.</param>
/// <param name="Foreign">What is none of ours.</param>
/// <param name="Doubts">What could not be told.</param>
internal sealed record CheckpointLook(IReadOnlyList<Checkpoint> Ours, IReadOnlyList<Checkpoint> Foreign, IReadOnlyList<string> Doubts);

/// <summary>Clears what an earlier run of ours left on the host, and nothing else. Safe to run again at any point.</summary>
internal sealed class HostSweep(
    IHyperVHost host, IHostFiles files, IntentLedger ledger, Func<Guid, bool> isRunning, TimeSpan longestCheckpoint, TimeProvider time)
{
    /// <summary>Clears what unfinished intents name on all VMs: run at start, before any job. Reference points are left to the next backup of
    /// their VM, which knows from the store's base notes which of them is needed.</summary>
    /// <returns>One sentence for each thing cleared or left in doubt.</returns>
    public async Task<IReadOnlyList<string>> ClearAllAsync(CancellationToken cancel)
    {
        var said = new List<string>();
        foreach (var vm in ledger.Unfinished().GroupBy(i => i.VmId))
        {
            said.AddRange(await ClearRollbacksAsync(vm.Key, [.. vm], cancel));
            said.AddRange(await ClearCheckpointsAsync(vm.Key, [.. vm], cancel));
        }
        said.AddRange(await ClearRestoresAsync([], cancel));
        return said;
    }

    /// <summary>Clears checkpoints and reference points of one VM before its next backup.</summary>
    /// <param name="vmId">The VM.</param>
    /// <param name="known">Intents that the primary knows of, besides the ledger's own.</param>
    /// <param name="noted">Reference points that base notes record, that of the newest base first.</param>
    /// <param name="cancel">Stops between two calls.</param>
    public async Task<IReadOnlyList<string>> ClearVmAsync(
        Guid vmId, IReadOnlyList<Intent> known, IReadOnlyList<string> noted, CancellationToken cancel)
    {
        var intents = Unfinished(known).Where(i => i.VmId == vmId).ToList();
        var said = new List<string>(await ClearRollbacksAsync(vmId, intents, cancel));
        said.AddRange(await ClearCheckpointsAsync(vmId, intents, cancel));
        var left = Ours.LeftReferencePoints(await host.ListReferencePointsAsync(vmId, cancel), intents, noted, isRunning);
        var gone = await RemoveAllAsync("reference point", left.Ours, id => host.DestroyReferencePointAsync(id, cancel), said);
        said.AddRange(left.Doubts);
        if (gone) EndAll(intents, HostCall.ConvertToReferencePoint);
        return said;
    }

    /// <summary>Clears on demand all that is known to be ours and unfinished, and tells of all else that looks like a backup's.</summary>
    /// <param name="known">Intents that the primary knows of, besides the ledger's own.</param>
    /// <param name="cancel">Stops between two calls.</param>
    public async Task<SweepReport> RunAsync(IReadOnlyList<Intent> known, CancellationToken cancel)
    {
        var (cleared, foreign) = (new List<string>(), new List<string>());
        foreach (var vm in await host.ListVirtualMachinesAsync(cancel))
        {
            var intents = Unfinished(known).Where(i => i.VmId == vm.Id).ToList();
            if (intents.Count > 0 || vm.Checkpoints.Any(c => c.Kind == CheckpointKind.Recovery))
            {
                var look = await LookAsync(vm, known, cancel);
                cleared.AddRange(await ClearRollbacksAsync(vm.Id, intents, cancel));
                cleared.AddRange(await ClearCheckpointsAsync(vm.Id, intents, cancel));
                foreign.AddRange(look.Foreign.Select(c => $"recovery checkpoint '{c.Name}' of VM {vm.Name}, from {c.Created:yyyy-MM-dd HH:mm} UTC, is none of ours"));
            }
            // Which one the next incremental needs stands in the storage unit, which is not asked here: the next backup clears what is left over.
            var points = await host.ListReferencePointsAsync(vm.Id, cancel);
            if (points.Count > 1) foreign.Add($"VM {vm.Name} has {points.Count} reference points; its next backup clears those of ours that nothing needs");
        }
        cleared.AddRange(await ClearRestoresAsync(known, cancel));
        foreign.AddRange((await host.ListPlannedAsync(cancel)).Select(p => $"planned VM {p.Name} ({p.Id}) is none of ours"));
        return new SweepReport([.. cleared.Where(s => !s.Contains("None was touched", StringComparison.Ordinal))],
            [.. foreign, .. cleared.Where(s => s.Contains("None was touched", StringComparison.Ordinal))]);
    }

    /// <summary>Tells the recovery checkpoints of a VM apart, and touches none.</summary>
    /// <param name="vm">The VM with its checkpoints.</param>
    /// <param name="known">Intents that the primary knows of, besides the ledger's own.</param>
    /// <param name="cancel">Stops.</param>
    public async Task<CheckpointLook> LookAsync(VirtualMachine vm, IReadOnlyList<Intent> known, CancellationToken cancel)
    {
        var onHost = await host.ListCheckpointsAsync(vm.Id, cancel);
        var intents = Unfinished(known).Where(i => i.VmId == vm.Id).ToList();
        var left = Ours.LeftCheckpoints(onHost, intents, isRunning, time.GetUtcNow() - (2 * longestCheckpoint));
        var recovery = onHost.Where(c => c.Kind == CheckpointKind.Recovery).ToLookup(c => left.Ours.Contains(c.Id));
        // What carries our name and is neither left nor old may be a running job: of this process, or of another client.
        return new CheckpointLook([.. recovery[true]], [.. recovery[false].Where(c => Ours.JobOf(c.Name) is null)], left.Doubts);
    }

    /// <summary>Clears planned VMs, VMs and files that unfinished restores left.</summary>
    /// <param name="known">Intents that the primary knows of, besides the ledger's own.</param>
    /// <param name="cancel">Stops between two calls.</param>
    public async Task<IReadOnlyList<string>> ClearRestoresAsync(IReadOnlyList<Intent> known, CancellationToken cancel)
    {
        var said = new List<string>();
        foreach (var restore in Unfinished(known).Where(i => !isRunning(i.JobId)).GroupBy(i => i.JobId))
        {
            await ClearRestoreAsync(
                [.. restore.Where(i => i.Call == HostCall.ImportSystemDefinition)], [.. restore.Where(i => i.Call == HostCall.WriteFiles)], said, cancel);
        }
        return said;
    }

    /// <summary>Clears one restore. The intent of its files is the first to be ended, so a VM without it is whole and wanted; files of a VM
    /// that could not be removed stay with it.</summary>
    private async Task ClearRestoreAsync(
        IReadOnlyList<Intent> imports, IReadOnlyList<Intent> written, List<string> said, CancellationToken cancel)
    {
        foreach (var intent in imports)
        {
            var left = written.Count == 0 ? [] : await LeftMachinesAsync(intent, said, cancel);
            if (!await RemoveAllAsync("VM", left.Select(id => id.ToString("D")), id => host.DestroyVirtualMachineAsync(Guid.Parse(id), cancel), said))
                return;
            ledger.End(intent);
        }
        foreach (var intent in written)
        {
            if (!await RemoveAllAsync("file", intent.IdsBefore.Where(files.Exists), DeleteAsync, said)) continue;
            foreach (var folder in RestorePlaces.FoldersOf(intent.IdsBefore)) files.DeleteFolderIfEmpty(folder);
            ledger.End(intent);
        }
    }

    /// <summary>Takes a VM back to the checkpoint that was taken before a rollback, and removes that.</summary>
    public async Task TakeBackAsync(Guid vmId, string checkpointId, CancellationToken cancel)
    {
        if (await host.FindVirtualMachineAsync(vmId, cancel) is not { State: VirtualMachineState.Off } vm)
        {
            throw new TroubleException($"VM {vmId}", $"a rollback of it did not end, and it is not off: checkpoint {checkpointId} has what it was before.",
                "Turn it off and apply that checkpoint, or remove the checkpoint to keep what is there.");
        }
        await host.ApplyCheckpointAsync(checkpointId, cancel);
        await host.DestroyCheckpointAsync(checkpointId, cancel);
    }

    /// <summary>A rollback that did not end is undone: some of its disks may be half written. One whose checkpoint is not known by its id wrote
    /// nothing yet; that checkpoint carries our name or none, and is left to people.</summary>
    private async Task<IReadOnlyList<string>> ClearRollbacksAsync(Guid vmId, IReadOnlyList<Intent> intents, CancellationToken cancel)
    {
        var said = new List<string>();
        foreach (var intent in intents.Where(i => i.Call == HostCall.Rollback && !isRunning(i.JobId)))
        {
            var onHost = await host.ListCheckpointsAsync(vmId, cancel);
            if (intent.ResultId is { } id && onHost.Any(c => c.Id == id))
            {
                try
                {
                    await TakeBackAsync(vmId, id, cancel);
                    said.Add($"took VM {vmId} back to what it was before a rollback that did not end");
                }
                catch (TroubleException failure)
                {
                    said.Add($"could not undo a rollback of VM {vmId} that did not end: {failure.Trouble.Message} {failure.Trouble.NextStep}");
                    continue;
                }
            }
            else if (intent.ResultId is null && onHost.FirstOrDefault(c => !intent.IdsBefore.Contains(c.Id) && c.Kind == CheckpointKind.User) is { } left)
            {
                said.Add($"checkpoint '{left.Name}' of VM {vmId} may be what a rollback left before it began to write. None was touched; remove it if nobody needs it.");
            }
            ledger.End(intent);
        }
        return said;
    }

    private Task DeleteAsync(string path)
    {
        files.Delete(path);
        return Task.CompletedTask;
    }

    /// <summary>Removes what is ours. What the host will not remove now is said, its intent stays, and the next run tries again.</summary>
    private static async Task<bool> RemoveAllAsync(string what, IEnumerable<string> ids, Func<string, Task> remove, List<string> said)
    {
        var all = true;
        foreach (var id in ids)
        {
            try
            {
                await remove(id);
                said.Add($"removed {what} {id}, left by an earlier run");
            }
            catch (TroubleException failure)
            {
                all = false;
                said.Add($"could not remove {what} {id}, left by an earlier run: {failure.Trouble.Message}");
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                all = false;
                said.Add($"could not remove {what} {id}, left by an earlier run: {failure.Message}");
            }
        }
        return all;
    }

    private void EndAll(IEnumerable<Intent> intents, HostCall call)
    {
        foreach (var intent in intents.Where(i => i.Call == call && !isRunning(i.JobId))) ledger.End(intent);
    }

    /// <summary>What was begun and not ended, by both records; what was ended here is ended, also where the primary has not heard it yet.</summary>
    private List<Intent> Unfinished(IReadOnlyList<Intent> known) =>
        [.. ledger.Unfinished().Concat(known.Where(i => !ledger.WasEnded(i.Id))).DistinctBy(i => i.Id)];

    private async Task<IReadOnlyList<string>> ClearCheckpointsAsync(Guid vmId, IReadOnlyList<Intent> intents, CancellationToken cancel)
    {
        var said = new List<string>();
        var left = Ours.LeftCheckpoints(
            await host.ListCheckpointsAsync(vmId, cancel), intents, isRunning, time.GetUtcNow() - (2 * longestCheckpoint));
        var gone = await RemoveAllAsync("recovery checkpoint", left.Ours, id => host.DestroyCheckpointAsync(id, cancel), said);
        said.AddRange(left.Doubts);
        if (gone) EndAll(intents, HostCall.CreateSnapshot);
        return said;
    }

    private async Task<IReadOnlyList<Guid>> LeftMachinesAsync(Intent intent, List<string> said, CancellationToken cancel)
    {
        if (intent.ResultId is { } id && Guid.TryParse(id, out var known))
        {
            var planned = await host.ListPlannedAsync(cancel);
            return planned.Any(p => p.Id == known) || await host.FindVirtualMachineAsync(known, cancel) is not null ? [known] : [];
        }
        var candidates = (await host.ListPlannedAsync(cancel)).Where(p => !intent.IdsBefore.Contains(p.Id.ToString("D"))).ToList();
        if (candidates.Count <= 1) return [.. candidates.Select(c => c.Id)];
        said.Add($"job {intent.JobId} may have left one of the planned VMs {string.Join(", ", candidates.Select(c => c.Id))}, and it cannot be " +
            "told which. None was touched; remove the one that nobody needs.");
        return [];
    }
}
