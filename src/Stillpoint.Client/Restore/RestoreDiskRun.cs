using Stillpoint.Chunks;
using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>One disk of an image comes back as a file on the host: a dynamic VHDX, or raw bytes.</summary>
internal sealed class RestoreDiskRun(ClientServices services, RestoreDiskOrder order, JobLine line)
{
    /// <summary>Runs the restore.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var undo = new Undo(line);
        try
        {
            // 1 start
            await line.BeginAsync(Phase.Start, $"restore of disk {order.Disk} of image {order.ImageId}");
            using var keys = new DomainKeys(order.Data.DomainKey, order.Data.Epoch);

            // 2 preflight
            await line.BeginAsync(Phase.Preflight, $"media server {order.Data.MediaAddress}");
            await using var unit = await services.OpenData(order.Data, cancel);
            var source = await RestoreSource.FindAsync(unit, keys, order.ImageId, cancel);
            var (stream, disk) = Find(source);
            using var claim = services.Claims.Claim([order.Target]);
            if (services.Files.Exists(order.Target))
                throw new TroubleException($"file {order.Target}", "it is there already, and a restore overwrites nothing.", "Choose another file name.");

            using var turn = await services.Gates.EnterAsync(
                HostUse.Restore, null, [order.Target], missing => line.ShowAsync($"waits for {missing}"), cancel);

            // 3 transfer
            await line.BeginAsync(Phase.Transfer, $"writing {order.Target}");
            var intent = await services.Intents.RecordAsync(order.JobId, source.Header.VmId, HostCall.WriteFiles, [order.Target], cancel);
            undo.WhenClean(() => services.Intents.End(intent));
            await using (var target = Create(stream, disk, undo))
            {
                await source.WriteAsync(stream, target, line.Meter(stream.Length).Stream(), cancel);
            }

            // 4 finish
            await line.BeginAsync(Phase.Finish, $"{order.Target} holds {disk.Name} as of {source.Header.Created:yyyy-MM-dd HH:mm:ss} UTC");
            undo.Keep();
            services.Intents.End(intent);
            await line.EndAsync(PhaseOutcome.Ok);
        }
        catch
        {
            await undo.RunAsync();
            throw;
        }
    }

    private IDiskTarget Create(StreamHeader stream, DiskDetails disk, Undo undo)
    {
        try
        {
            if (order.Target.EndsWith(".vhdx", StringComparison.OrdinalIgnoreCase))
            {
                // A disk that cannot be made is removed by whoever makes it.
                var made = services.Files.CreateDisk(order.Target, stream.Length, disk.LogicalSectorSize);
                Own(undo);
                return new VirtualDiskTarget(made);
            }
            var file = services.Files.Create(order.Target);
            Own(undo);
            return new FileTarget(file, stream.Length);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new TroubleException(
                $"file {order.Target}", failure.Message, "Choose another file, or see that its folder can be written.", inner: failure);
        }
    }

    /// <summary>Only once it is made is the file ours to remove.</summary>
    private void Own(Undo undo) => undo.Add($"remove {order.Target}", () => services.Files.Delete(order.Target));

    private (StreamHeader Stream, DiskDetails Disk) Find(RestoreSource source)
    {
        var disks = source.Disks.ToList();
        if (disks.FindIndex(d => string.Equals(d.Disk.Name, order.Disk, StringComparison.OrdinalIgnoreCase)) is var named and >= 0) return disks[named];
        if (int.TryParse(order.Disk, out var number) && number >= 0 && number < disks.Count) return disks[number];
        throw new TroubleException(
            $"image {order.ImageId}",
            $"it has no disk {order.Disk}; its disks are {string.Join(", ", disks.Select(d => d.Disk.Name))}.",
            "Name one of them, or give its number counted from 0.");
    }
}
