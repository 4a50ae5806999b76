using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>A recovery checkpoint of ours.</summary>
/// <param name="Checkpoint">What the host made.</param>
/// <param name="Achieved">The consistency that was had.</param>
/// <param name="Taken">When, UTC, by this machine's clock.</param>
/// <param name="Intent">The intent that covers it until it is released.</param>
internal sealed record OpenCheckpoint(Checkpoint Checkpoint, Consistency Achieved, DateTimeOffset Taken, Intent Intent);

/// <summary>Phase 3: an intent, <c>CreateSnapshot</c> at the consistency that the policy asks, and at once a name that carries the job.</summary>
internal sealed class CheckpointStep(IHyperVHost host, IntentLedger ledger, TimeProvider time, JobLine line)
{
    private const int ApplicationTries = 2;

    /// <summary>Takes the checkpoint; on failure nothing is left, or the intent tells the next run what may be.</summary>
    public async Task<OpenCheckpoint> TakeAsync(BackupOrder order, VirtualMachine vm, Undo undo, CancellationToken cancel)
    {
        if (!await host.HasGuestBackupTypeAsync(vm.Id, cancel)) order = order with { GuestBackupType = GuestBackupType.HostDefault };
        var before = (await host.ListCheckpointsAsync(vm.Id, cancel)).Select(c => c.Id).ToList();
        var intent = await ledger.RecordAsync(order.JobId, vm.Id, HostCall.CreateSnapshot, before, cancel);
        var (checkpoint, application) = await CreateAsync(order, vm, intent, cancel);
        undo.WhenClean(() => ledger.End(intent));
        Kill.Reach(KillPoint.CheckpointCreated);
        undo.Add($"remove recovery checkpoint {checkpoint.Id}", stop => host.DestroyCheckpointAsync(checkpoint.Id, stop));
        intent = ledger.Result(intent, checkpoint.Id);

        await host.RenameCheckpointAsync(checkpoint.Id, Ours.CheckpointName(order.JobId), cancel);
        Kill.Reach(KillPoint.CheckpointRenamed);
        return new OpenCheckpoint(checkpoint, Achieved(vm.State, application), time.GetUtcNow(), intent);
    }

    /// <summary>The host said no and made nothing. A call that was cancelled may still take effect: its intent stays.</summary>
    private async Task EndIfNothingCameAsync(Intent intent, CancellationToken cancel)
    {
        var now = await host.ListCheckpointsAsync(intent.VmId, cancel);
        if (now.All(c => intent.IdsBefore.Contains(c.Id))) ledger.End(intent);
    }

    private async Task<(Checkpoint Checkpoint, bool Application)> CreateAsync(
        BackupOrder order, VirtualMachine vm, Intent intent, CancellationToken cancel)
    {
        try
        {
            return await TryAsync(order, vm, cancel);
        }
        catch (TroubleException)
        {
            await EndIfNothingCameAsync(intent, cancel);
            throw;
        }
    }

    private async Task<(Checkpoint Checkpoint, bool Application)> TryAsync(BackupOrder order, VirtualMachine vm, CancellationToken cancel)
    {
        if (order.Consistency == ConsistencyPolicy.Crash)
            return (await host.CreateRecoveryCheckpointAsync(vm.Id, applicationConsistent: false, order.GuestBackupType, cancel), false);

        var tries = order.Consistency == ConsistencyPolicy.ApplicationThenCrash ? ApplicationTries : 1;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return (await host.CreateRecoveryCheckpointAsync(vm.Id, applicationConsistent: true, order.GuestBackupType, cancel), true);
            }
            catch (TroubleException failure) when (attempt < tries)
            {
                await line.LogAsync($"application-consistent checkpoint, try {attempt} of {tries}: {failure.Trouble.Message}");
            }
            catch (TroubleException failure) when (order.Consistency == ConsistencyPolicy.ApplicationThenCrash)
            {
                await line.WarnAsync($"the guest could not be quiesced ({failure.Trouble.Message}); the image is crash-consistent.");
                return (await host.CreateRecoveryCheckpointAsync(vm.Id, applicationConsistent: false, order.GuestBackupType, cancel), false);
            }
            catch (TroubleException failure)
            {
                throw new TroubleException(
                    $"VM {vm.Name}",
                    failure.Trouble.Message,
                    "Start the VM's backup integration service and see the VSS writers in the guest, or set the policy's consistency to application-then-crash.",
                    failure.Trouble.Retry,
                    failure);
            }
        }
    }

    /// <summary>What the disks are: quiesced, as after a power cut, or those of a VM that was not writing.</summary>
    private static Consistency Achieved(VirtualMachineState state, bool application) => state switch
    {
        VirtualMachineState.Off => Consistency.Off,
        VirtualMachineState.Saved => Consistency.Saved,
        _ => application ? Consistency.Application : Consistency.Crash,
    };
}
