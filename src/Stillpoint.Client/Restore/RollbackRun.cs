using Stillpoint.Chunks;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>
/// Brings a VM back to an image in place, writing only what differs. A checkpoint is taken first and the writes go on top of it: when any step
/// fails, or this process dies, applying that checkpoint takes all of it back; when all is written, removing it makes it lasting. The reference points
/// that our base notes record go before the first write, so that the next backup reads in full whatever becomes of this.
/// </summary>
internal sealed class RollbackRun(ClientServices services, RollbackOrder order, JobLine line)
{
    /// <summary>Runs the rollback.</summary>
    public async Task<IReadOnlyList<string>> RunAsync(CancellationToken cancel)
    {
        var undo = new Undo(line);
        try
        {
            // 1 start
            await line.BeginAsync(Phase.Start, $"VM {order.VmName} goes back to image {order.ImageId}");
            using var keys = new DomainKeys(order.Data.DomainKey, order.Data.Epoch);

            // 2 preflight: the image, and a VM that is off and has its disks
            await line.BeginAsync(Phase.Preflight, $"media server {order.Data.MediaAddress}");
            await using var unit = await services.OpenData(order.Data, cancel);
            var source = await RestoreSource.FindAsync(unit, keys, order.ImageId, cancel);
            foreach (var sentence in await services.Sweep.ClearVmAsync(order.VmId, order.OpenIntents, [], cancel)) await line.LogAsync(sentence);
            var vm = await CheckAsync(source, cancel);
            using var turn = await services.Gates.EnterAsync(
                HostUse.Backup, vm.Id, vm.OwnDisks.Select(d => d.Path), missing => line.ShowAsync($"waits for {missing}"), cancel);

            // 3 checkpoint: what undoes all of it
            await line.BeginAsync(Phase.Checkpoint, "a checkpoint to go back to when anything fails");
            await ForgetBaseAsync(unit, keys, vm, cancel);
            var before = vm.Checkpoints.Select(c => c.Id).ToList();
            var intent = await services.Intents.RecordAsync(order.JobId, vm.Id, HostCall.Rollback, before, cancel);
            var checkpoint = await services.Host.CreateCheckpointAsync(vm.Id, cancel);
            undo.WhenClean(() => services.Intents.End(intent));
            undo.Add($"take VM {vm.Name} back to checkpoint {checkpoint.Id}", stop => services.Sweep.TakeBackAsync(vm.Id, checkpoint.Id, stop));
            intent = services.Intents.Result(intent, checkpoint.Id);
            await services.Host.RenameCheckpointAsync(checkpoint.Id, Ours.RollbackName(order.JobId), cancel);

            // 4 transfer: only what differs
            await line.BeginAsync(Phase.Transfer, "comparing the disks with the image");
            var slots = (await services.Host.FindVirtualMachineAsync(vm.Id, cancel))?.Disks ?? throw Gone(vm);
            await PatchAsync(unit, keys, source, slots, cancel);
            Kill.Reach(KillPoint.RolledBack);

            // 5 release, 6 merge: from here the disks are the image's, and stay so
            await line.BeginAsync(Phase.Release, "removing the checkpoint");
            undo.Keep();
            services.Intents.End(intent);
            await ReleaseAsync(checkpoint.Id);
            await line.BeginAsync(Phase.Merge, "the host merges the disks");
            var merge = await new MergeWait(services, line).RunAsync(vm.Id, services.MergeLimit, cancel);
            line.Detail(merge.Detail);
            if (!merge.IsMerged) await line.WarnAsync($"{merge.Detail}; the host goes on by itself.");

            // 7 finish
            await line.BeginAsync(Phase.Finish, order.Start ? "starting the VM" : "the VM stays off");
            if (order.Start) await StartAsync(vm, cancel);
            line.Detail($"VM {vm.Name} is as of {source.Header.Created:yyyy-MM-dd HH:mm:ss} UTC; its next backup will be a full");
            await line.EndAsync(PhaseOutcome.Ok);
            return [.. slots.Select(d => d.Path)];
        }
        catch
        {
            await undo.RunAsync();
            throw;
        }
    }

    private async Task<VirtualMachine> CheckAsync(RestoreSource source, CancellationToken cancel)
    {
        var vm = await services.Host.FindVirtualMachineAsync(order.VmId, cancel) ?? throw new TroubleException(
            $"VM {order.VmName}", "the host has no VM of the image's id.", "Restore it instead: stillpoint restore vm.");
        if (vm.State != VirtualMachineState.Off)
        {
            throw new TroubleException(
                $"VM {vm.Name}", $"it is {Words.Of(vm.State)}: a rollback writes over its disks, and a saved or running guest would go on with the old ones.",
                "Turn the VM off, then run it again.");
        }
        if (vm.Checkpoints.Any(c => c.Kind == CheckpointKind.Recovery))
        {
            throw new TroubleException(
                $"VM {vm.Name}", "a backup's checkpoint of it is open.", "Wait until that backup has ended, or remove what it left.", retry: true);
        }
        foreach (var (stream, disk) in source.Disks)
        {
            var slot = vm.OwnDisks.FirstOrDefault(d => d.SettingId == disk.SettingId) ?? throw Other(vm, disk, "is not in the VM any more");
            using var opened = Open(slot.Path, () => services.Files.OpenDisk(slot.Path));
            if (opened.Length != stream.Length) throw Other(vm, disk, "has another size now");
            if (opened.VirtualDiskId != disk.VirtualDiskId) throw Other(vm, disk, "is another disk now");
        }
        var more = vm.OwnDisks.Count() - source.Disks.Count();
        if (more > 0) await line.WarnAsync($"VM {vm.Name} has {more} {(more == 1 ? "disk" : "disks")} that the image does not hold; they stay as they are.");
        if (HostWatch.SpaceTrouble(services.Files, vm.OwnDisks.Select(d => d.Path), services.Limits) is { } space) throw new TroubleException(space);
        return vm;
    }

    /// <summary>What change tracking says of the disks after this means nothing: no backup may build on it.</summary>
    private async Task ForgetBaseAsync(IImageReader unit, DomainKeys keys, VirtualMachine vm, CancellationToken cancel)
    {
        var noted = KnownImages.NotedReferencePoints(await KnownImages.ReadAsync(unit, keys, cancel));
        foreach (var point in (await services.Host.ListReferencePointsAsync(vm.Id, cancel)).Where(p => noted.Contains(p.Id)))
            await services.Host.DestroyReferencePointAsync(point.Id, cancel);
    }

    private async Task PatchAsync(
        IImageReader unit, DomainKeys keys, RestoreSource source, IReadOnlyList<VirtualDiskSetting> slots, CancellationToken cancel)
    {
        var meter = line.Meter(source.Disks.Sum(d => d.Stream.Length));
        long written = 0;
        foreach (var (stream, disk) in source.Disks)
        {
            var path = slots.First(s => s.SettingId == disk.SettingId).Path;
            await using var target = new RollbackTarget(Open(path, () => services.Files.OpenWritable(path)));
            written += (await DiskPatch.RunAsync(unit, keys, stream, target, meter.Stream(), cancel)).BytesWritten;
        }
        line.Detail($"{Bytes.Format(written)} differed and were written");
    }

    /// <summary>The disks hold the image already: a host that does not remove the checkpoint now is no reason to take that back.</summary>
    private async Task ReleaseAsync(string checkpointId)
    {
        try
        {
            await services.Host.DestroyCheckpointAsync(checkpointId, CancellationToken.None);
        }
        catch (TroubleException failure)
        {
            await line.WarnAsync($"the VM is rolled back, but its checkpoint stays: {failure.Trouble.Message} Remove the checkpoint {Ours.RollbackName(order.JobId)} "
                + "on the host; do not apply it.");
        }
    }

    private async Task StartAsync(VirtualMachine vm, CancellationToken cancel)
    {
        try
        {
            await services.Host.StartAsync(vm.Id, cancel);
        }
        catch (TroubleException failure)
        {
            await line.WarnAsync($"VM {vm.Name} is rolled back but did not start: {failure.Trouble.Message} Start it on the host.");
        }
    }

    private static T Open<T>(string path, Func<T> open)
    {
        try
        {
            return open();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new TroubleException($"disk {path}", failure.Message, "See that nothing holds the file, and check it (stillpoint disk check FILE).", inner: failure);
        }
    }

    private static TroubleException Other(VirtualMachine vm, DiskDetails disk, string what) => new(
        $"disk {disk.Name} of VM {vm.Name}", $"it {what}: the image cannot be written over it.", "Restore the VM under a new name instead: stillpoint restore vm.");

    private static TroubleException Gone(VirtualMachine vm) => new($"VM {vm.Name}", "it is not on the host any more.", "Look where it went.");
}
