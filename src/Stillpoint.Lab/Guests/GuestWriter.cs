using Stillpoint.Extents;
using Stillpoint.VirtualDisks;

namespace Stillpoint.Lab;

/// <summary>What a burst of guest writes did.</summary>
/// <param name="Bytes">Sum of the lengths of its writes.</param>
/// <param name="Changed">Bytes of its exact union.</param>
/// <param name="Writes">Number of writes.</param>
internal sealed record BurstResult(long Bytes, long Changed, int Writes);

/// <summary>Lets a guest write: every write goes to the virtual disk and, apart from it, to the flat model.</summary>
internal sealed class GuestWriter(HostContext host)
{
    /// <summary>Does one burst.</summary>
    /// <param name="machine">A running VM.</param>
    /// <param name="bytes">About how many bytes.</param>
    /// <param name="seed">Null takes the guest's own next one.</param>
    /// <param name="cancel">Ends the wait for the disks; a burst that began is finished.</param>
    /// <exception cref="JobFailedException">The VM does not run.</exception>
    public async Task<BurstResult> WriteAsync(Machine machine, long bytes, int? seed, CancellationToken cancel)
    {
        await machine.Storage.WaitAsync(cancel);
        try
        {
            if (host.State.Read(_ => machine.Power) != PowerState.Running) throw new JobFailedException("The virtual machine is not running.", 32775);
            WriteBurst? burst = null;
            host.State.Change(_ =>
            {
                burst = new WriteBurst(seed ?? unchecked(machine.Settings.Guest.Seed * 7919 + machine.Bursts), bytes);
                machine.Bursts++;
                machine.Unfinished = burst;
            });
            return Do(machine, burst!);
        }
        finally
        {
            machine.Storage.Release();
        }
    }

    /// <summary>Finishes the burst that a crash cut short.</summary>
    public void Finish(Machine machine)
    {
        if (host.State.Read(_ => machine.Unfinished) is { } burst) Do(machine, burst);
    }

    private BurstResult Do(Machine machine, WriteBurst burst)
    {
        var settings = host.State.Read(_ => machine.Settings);
        var result = new BurstResult(0, 0, 0);
        for (var disk = 0; disk < settings.Disks.Count; disk++)
        {
            var slot = settings.Disks[disk];
            var index = disk;
            var writes = GuestPlan.Writes(settings.Guest.Areas, burst).Where(w => w.Disk == index).ToArray();
            if (writes.Length == 0) continue;
            Machines.EnsureModel(host, slot);
            var union = ExtentSet.Of(writes.Select(w => new Extent(w.Offset, w.Length)));
            host.Tracking(slot).Record(union);
            var model = host.Records.Model(slot.Disk);
            model.Note(union);
            Write(slot, model, writes);
            result = new BurstResult(
                result.Bytes + writes.Sum(w => (long)w.Length), result.Changed + union.TotalLength, result.Writes + writes.Length);
        }
        host.State.Change(_ => machine.Unfinished = null);
        return result;
    }

    private void Write(DiskSlot slot, FlatModel model, GuestWrite[] writes)
    {
        using var flat = model.OpenWriter();
        using var disk = host.Files.OpenWritable(slot.Path);
        var buffer = new byte[writes.Max(w => w.Length)];
        foreach (var write in writes)
        {
            var piece = buffer.AsSpan(0, write.Length);
            write.Fill(piece);
            disk.Write(write.Offset, piece);
            flat.Write(write.Offset, piece);
        }
        disk.Flush();
    }
}
