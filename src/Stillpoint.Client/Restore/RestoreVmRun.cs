using Stillpoint.Chunks;
using Stillpoint.HyperV;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>What a restored VM is.</summary>
internal sealed record RestoredVm(Guid VmId, IReadOnlyList<string> DiskPaths);

/// <summary>
/// A VM comes back under a new name: its configuration is imported as a planned VM with a new id, its disks are written, the planned VM is
/// pointed at them, checked by the host and made real. If any step fails all of it is undone: no planned VM and no file stays. Once it is
/// real it stays.
/// The planned VM is adjusted after the transfer, not before: a host refuses a disk slot that names a file which is not there.
/// </summary>
internal sealed class RestoreVmRun(ClientServices services, RestoreVmOrder order, JobLine line)
{
    /// <summary>Runs the restore.</summary>
    public async Task<RestoredVm> RunAsync(CancellationToken cancel)
    {
        var undo = new Undo(line);
        try
        {
            // 1 start
            await line.BeginAsync(Phase.Start, $"restore of image {order.ImageId} as VM {order.NewName}");
            using var keys = new DomainKeys(order.Data.DomainKey, order.Data.Epoch);

            // 2 preflight: reach the image and the host, see that nothing is in the way
            await line.BeginAsync(Phase.Preflight, $"media server {order.Data.MediaAddress}");
            await using var unit = await services.OpenData(order.Data, cancel);
            var source = await RestoreSource.FindAsync(unit, keys, order.ImageId, cancel);
            var places = order.Original ? RestorePlaces.Original(source) : RestorePlaces.Choose(source, order.Folder, order.NewName);
            using var claim = services.Claims.Claim(places.AllFiles);
            foreach (var sentence in await services.Sweep.ClearRestoresAsync(order.OpenIntents, cancel)) await line.LogAsync(sentence);
            await CheckAsync(source, places, cancel);

            using var turn = await services.Gates.EnterAsync(
                HostUse.Restore, null, places.Disks, missing => line.ShowAsync($"waits for {missing}"), cancel);

            // 3 define: configuration in place, imported as a planned VM
            await line.BeginAsync(Phase.Define, $"importing the configuration into {places.Folder}");
            var files = await services.Intents.RecordAsync(order.JobId, source.Header.VmId, HostCall.WriteFiles, places.AllFiles, cancel);
            undo.WhenClean(() => services.Intents.End(files));
            undo.Add("remove the restored files", () => Remove(places));
            await WriteConfigurationAsync(source, places, cancel);
            var before = (await services.Host.ListPlannedAsync(cancel)).Select(p => p.Id.ToString("D")).ToList();
            var import = await services.Intents.RecordAsync(order.JobId, source.Header.VmId, HostCall.ImportSystemDefinition, before, cancel);
            undo.WhenClean(() => services.Intents.End(import));
            var planned = await services.Host.ImportPlannedAsync(places.Configuration, order.KeepId, cancel);
            undo.Add($"remove planned VM {planned}", stop => services.Host.DestroyVirtualMachineAsync(planned, stop));
            Kill.Reach(KillPoint.PlannedImported);
            import = services.Intents.Result(import, planned.ToString("D"));
            if (order.KeepId && planned != source.Header.VmId)
            {
                throw new TroubleException($"VM {order.NewName}", $"the host gave it the id {planned} instead of its own, {source.Header.VmId}.",
                    "Restore it without --keep-id.");
            }

            // 4 transfer: the disks
            await line.BeginAsync(Phase.Transfer, $"{places.Disks.Count} {(places.Disks.Count == 1 ? "disk" : "disks")} to {places.Folder}");
            await WriteDisksAsync(source, places, cancel);
            Kill.Reach(KillPoint.DisksRestored);

            // 5 realize: adjust, validate, realize
            await line.BeginAsync(Phase.Realize, "adjusted, validated and realized by the host");
            var slots = source.Details.Disks.Zip(places.Disks).ToDictionary(d => d.First.SettingId!, d => d.Second);
            await services.Host.AdjustPlannedAsync(planned, new PlannedChanges(order.NewName, places.Folder, slots) { Network = order.Network }, cancel);
            await services.Host.ValidatePlannedAsync(planned, cancel);
            var vm = await services.Host.RealizePlannedAsync(planned, cancel);
            undo.Add($"remove VM {vm}", stop => services.Host.DestroyVirtualMachineAsync(vm, stop));
            Kill.Reach(KillPoint.Realized);

            // The VM is whole and stays, whatever comes: a sweep that took away a VM which has begun to run would take what people do in it.
            // The files' intent ends first: without it the sweep leaves the VM alone.
            undo.Keep();
            services.Intents.End(files);
            Kill.Reach(KillPoint.RestoreKept);
            services.Intents.End(import);

            // 6 finish
            await line.BeginAsync(Phase.Finish, order.Start ? "starting the VM" : "the VM stays off");
            var runs = order.Start && await StartsAsync(vm, cancel);
            line.Detail($"VM {order.NewName} is {(runs ? "running" : "off")}; {(order.Network == NetworkMap.Disconnected ? "its network adapters are disconnected" : "its network adapters are connected as asked")}; its first backup will be a full");
            await line.EndAsync(PhaseOutcome.Ok);
            return new RestoredVm(vm, places.Disks);
        }
        catch
        {
            await undo.RunAsync();
            throw;
        }
    }

    /// <summary>Starts the VM. A host that cannot start it now is no reason to take a restored VM away.</summary>
    private async Task<bool> StartsAsync(Guid vm, CancellationToken cancel)
    {
        try
        {
            await services.Host.StartAsync(vm, cancel);
            return true;
        }
        catch (TroubleException failure)
        {
            await line.WarnAsync($"VM {order.NewName} is restored but did not start: {failure.Trouble.Message} Start it on the host.");
            return false;
        }
    }

    private async Task CheckAsync(RestoreSource source, RestorePlaces places, CancellationToken cancel)
    {
        if (source.Details.Disks.Any(d => d.SettingId is null) || places.Configuration.Length == 0)
        {
            throw new TroubleException(
                $"image {order.ImageId}",
                "it holds disks without a VM's configuration.",
                "Restore its disks (stillpoint restore disk) and attach them to a VM of your own.");
        }
        await CheckOriginalAsync(source, cancel);
        if (places.AllFiles.FirstOrDefault(services.Files.Exists) is { } taken)
        {
            throw new TroubleException(
                $"file {taken}", "it is there already, and a restore overwrites nothing.", "Choose another name or another folder (--folder).");
        }
        if ((await services.Host.ListVirtualMachinesAsync(cancel)).Any(v => string.Equals(v.Name, order.NewName, StringComparison.OrdinalIgnoreCase)))
        {
            // Two VMs of one name would also make every policy that names it ambiguous.
            throw new TroubleException(
                $"VM {order.NewName}", "the host has a VM of that name.", "Choose another name (--name), or rename or remove the VM that is there first.");
        }
        var needed = source.Disks.Sum(d => d.Stream.Length);
        if (HostWatch.SpaceTrouble(services.Files, [places.Folder], services.Limits) is { } space) throw new TroubleException(space);
        line.Detail($"image of {source.Header.Created:yyyy-MM-dd HH:mm:ss} UTC, {Words.Of(source.Header.Consistency)}-consistent, disks of {Bytes.Format(needed)}");
    }

    /// <summary>The place and the id of a VM that is still there are not free; switches that are asked for must be there before anything is written.</summary>
    private async Task CheckOriginalAsync(RestoreSource source, CancellationToken cancel)
    {
        if ((order.Original || order.KeepId) && await services.Host.FindVirtualMachineAsync(source.Header.VmId, cancel) is { } there)
        {
            throw new TroubleException($"VM {there.Name}", "the VM that the image was made of is still on the host.",
                "Bring it back in place (stillpoint restore rollback), or remove it first, or restore beside it without --original and --keep-id.");
        }
        if (order.Network.Switches.Count == 0) return;
        var switches = await services.Host.ListSwitchesAsync(cancel);
        if (order.Network.Switches.Values.FirstOrDefault(s => !switches.Contains(s, StringComparer.OrdinalIgnoreCase)) is { } missing)
        {
            throw new TroubleException($"virtual switch {missing}", "the host has none of that name.",
                $"Name one that it has ({string.Join(", ", switches)}), or leave the adapters disconnected.");
        }
    }

    private async Task WriteConfigurationAsync(RestoreSource source, RestorePlaces places, CancellationToken cancel)
    {
        foreach (var ((stream, file), path) in source.Files.Zip(places.Files))
        {
            await using var target = new FileTarget(services.Files.Create(path), stream.Length);
            await source.WriteAsync(stream, target, progress: null, cancel);
        }
    }

    private async Task WriteDisksAsync(RestoreSource source, RestorePlaces places, CancellationToken cancel)
    {
        var meter = line.Meter(source.Disks.Sum(d => d.Stream.Length));
        foreach (var ((stream, disk), path) in source.Disks.Zip(places.Disks))
        {
            await using var target = new VirtualDiskTarget(services.Files.CreateDisk(path, stream.Length, disk.LogicalSectorSize));
            await source.WriteAsync(stream, target, meter.Stream(), cancel);
        }
    }

    private void Remove(RestorePlaces places)
    {
        foreach (var file in places.AllFiles) services.Files.Delete(file);
        foreach (var folder in RestorePlaces.FoldersOf(places.AllFiles)) services.Files.DeleteFolderIfEmpty(folder);
    }
}
