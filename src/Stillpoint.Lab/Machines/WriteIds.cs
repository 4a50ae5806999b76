namespace Stillpoint.Lab;

/// <summary>
/// What a host knows of the content of a VM's disks while the VM is off: the data-write ids of the files it writes to. When one is another than before,
/// somebody wrote into the file behind the host's back: change tracking is lost, and the record reads the disk anew.
/// </summary>
internal static class WriteIds
{
    private const uint ChangedOffline = 0xC03A0022;

    /// <summary>Notes the ids as they are: after the host's own work on the files.</summary>
    public static void Note(HostContext host, Machine machine)
    {
        var ids = Read(host, machine);
        host.State.Change(_ =>
        {
            machine.WriteIds.Clear();
            foreach (var (disk, id) in ids) machine.WriteIds[disk] = id;
        });
    }

    /// <summary>Looks whether anybody else wrote, and takes note of it.</summary>
    public static void Notice(HostContext host, Machine machine)
    {
        foreach (var (disk, id) in Read(host, machine))
        {
            if (!host.State.Read(_ => machine.WriteIds.TryGetValue(disk, out var known) && known != id)) continue;
            var slot = host.State.Read(_ => machine.Settings.Disks.First(d => d.Disk == disk));
            host.Tracking(slot).Lose(ChangedOffline);
            using var file = host.Files.OpenRead(slot.Path);
            host.Records.Model(disk).Create(file.Length, Machines.Content(file));
        }
    }

    private static IReadOnlyList<(Guid Disk, Guid Id)> Read(HostContext host, Machine machine)
    {
        var ids = new List<(Guid, Guid)>();
        foreach (var slot in host.State.Read(_ => machine.Settings.Disks).Where(s => !DiskFiles.IsVhd(s.Base) && host.Files.Exists(s.Path)))
        {
            using var file = host.Files.OpenRead(slot.Path);
            if (file.WriteId is { } id) ids.Add((slot.Disk, id));
        }
        return ids;
    }
}
