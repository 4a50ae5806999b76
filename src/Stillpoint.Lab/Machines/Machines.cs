using Stillpoint.VirtualDisks;

namespace Stillpoint.Lab;

/// <summary>What a VM's disks need before it can run or be frozen.</summary>
internal static class Machines
{
    /// <summary>Fills the independent model of a disk that has none (a restored VM's) by reading the disk once.</summary>
    public static void EnsureModel(HostContext host, DiskSlot slot)
    {
        var model = host.Records.Model(slot.Disk);
        if (model.Exists) return;
        using var disk = host.Files.OpenRead(slot.Path);
        model.Create(disk.Length, Content(disk));
    }

    /// <summary>The data of a disk in pieces of at most 1 MiB.</summary>
    public static IEnumerable<(long Offset, ReadOnlyMemory<byte> Bytes)> Content(VirtualDisk disk)
    {
        var buffer = new byte[1 << 20];
        foreach (var run in disk.Map().Where(r => r.IsData))
        {
            for (var offset = run.Offset; offset < run.Offset + run.Length; offset += buffer.Length)
            {
                var piece = buffer.AsMemory(0, (int)Math.Min(buffer.Length, run.Offset + run.Length - offset));
                disk.Read(offset, piece.Span);
                if (piece.Span.ContainsAnyExcept((byte)0)) yield return (offset, piece);
            }
        }
    }

    /// <summary>Checks that every disk of a VM is there, opens, and is used by no other.</summary>
    /// <exception cref="JobFailedException">The first that is not, in the host's words.</exception>
    public static void CheckDisks(HostContext host, Machine machine)
    {
        var (settings, others) = host.State.Read(all => (machine.Settings,
            all.Where(m => m != machine && !m.IsPlanned).SelectMany(m => m.Settings.Disks.Concat(m.Checkpoints.SelectMany(c => c.Settings.Disks)))
                .Select(d => d.Path).ToHashSet(StringComparer.OrdinalIgnoreCase)));
        foreach (var slot in settings.Disks)
        {
            var start = $"'{settings.Name}': attachment '{slot.Path}'";
            if (!host.Files.Exists(slot.Path))
            {
                throw new JobFailedException($"{start}: The system cannot find the file specified. (0x80070002)", 32779);
            }
            if (others.Contains(slot.Path) || host.Files.IsLocked(slot.Path))
            {
                throw new JobFailedException(
                    $"{start}: The process cannot access the file because it is being used by another process. (0x80070020)");
            }
            try
            {
                host.Files.OpenRead(slot.Path).Dispose();
            }
            catch (Exception broken) when (broken is DiskFormatException or IOException)
            {
                throw new JobFailedException($"{start}: The file or directory is corrupted and unreadable. {broken.Message} (0xC03A0004)");
            }
        }
    }
}
