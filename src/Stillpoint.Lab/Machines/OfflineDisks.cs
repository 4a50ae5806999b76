using Stillpoint.Extents;

namespace Stillpoint.Lab;

/// <summary>What is done to the disks of a VM that is off: by its administrator, by a tool, by another product. Each is what a host really does to
/// the file; what change tracking then says is the lab's choice (docs/LAB.md).</summary>
internal sealed class OfflineDisks(HostContext host)
{
    /// <summary>ERROR_CTLOG_VHD_CHANGED_OFFLINE.</summary>
    private const uint ChangedOffline = 0xC03A0022;

    /// <summary>ERROR_VHD_CHANGE_TRACKING_DISABLED.</summary>
    private const uint TrackingDisabled = 0xC03A002A;

    private const int Sector = 512;

    /// <summary>Another disk of the same size in its place, empty, by the same name.</summary>
    public Task ReplaceAsync(Machine machine, int disk, CancellationToken cancel) => WithAsync(machine, disk, slot =>
    {
        long length;
        using (var old = host.Files.OpenRead(slot.Path)) length = old.Length;
        host.Files.Delete(slot.Path);
        File.Delete(host.Files.Local(slot.Base) + ".rct");
        host.Files.CreateBase(slot.Path, length, Sector).Dispose();
        var fresh = slot with { Disk = host.Clock.NewId() };
        host.Records.Model(fresh.Disk).Create(length, []);
        return fresh;
    }, cancel);

    /// <summary>Another size; change tracking goes on.</summary>
    public Task ResizeAsync(Machine machine, int disk, long length, CancellationToken cancel) => WithAsync(machine, disk, slot =>
    {
        Machines.EnsureModel(host, slot);
        using (var file = host.Files.OpenWritable(slot.Path))
        {
            file.Resize(length, discard: true, cancel);
            file.Flush();
        }
        host.Records.Model(slot.Disk).Resize(length);
        return slot;
    }, cancel);

    /// <summary>The file is made smaller; its bytes stay.</summary>
    public Task CompactAsync(Machine machine, int disk, CancellationToken cancel) => WithAsync(machine, disk, slot =>
    {
        using (var file = host.Files.OpenWritable(slot.Path)) file.Compact(null, cancel);
        host.Tracking(slot).Lose(ChangedOffline);
        return slot;
    }, cancel);

    /// <summary>Bytes are written into the file.</summary>
    /// <param name="machine">The VM.</param>
    /// <param name="disk">Which disk.</param>
    /// <param name="offset">Where.</param>
    /// <param name="silent">True: change tracking does not notice, as the worst host would.</param>
    /// <param name="cancel">Stops before it begins.</param>
    public Task WriteAsync(Machine machine, int disk, long offset, bool silent, CancellationToken cancel) => WithAsync(machine, disk, slot =>
    {
        Machines.EnsureModel(host, slot);
        var bytes = new byte[64 * 1024];
        new Random((int)(offset % int.MaxValue)).NextBytes(bytes);
        using (var file = host.Files.OpenWritable(slot.Path))
        {
            file.Write(offset, bytes);
            file.Flush();
        }
        var model = host.Records.Model(slot.Disk);
        model.Note(ExtentSet.Of([new Extent(offset, bytes.Length)]));
        using (var flat = model.OpenWriter()) flat.Write(offset, bytes);
        if (!silent) host.Tracking(slot).Lose(ChangedOffline);
        return slot;
    }, cancel);

    /// <summary>The files go to another folder, with what tracks them.</summary>
    public Task MoveAsync(Machine machine, int disk, string folder, CancellationToken cancel) => WithAsync(machine, disk, slot =>
    {
        var path = $@"{folder.TrimEnd('\\')}\{HostPaths.Name(slot.Path)}";
        if (host.Files.Exists(path)) throw new JobFailedException($"'{path}': The file exists. (0x80070050)");
        var (from, to) = (host.Files.Local(slot.Path), host.Files.Local(path));
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Move(from, to);
        if (File.Exists(from + ".rct")) File.Move(from + ".rct", to + ".rct");
        return slot with { Path = path, Base = path };
    }, cancel);

    /// <summary>Another product switches change tracking off and on again.</summary>
    public Task ResetTrackingAsync(Machine machine, int disk, CancellationToken cancel) => WithAsync(machine, disk, slot =>
    {
        host.Tracking(slot).Lose(TrackingDisabled);
        return slot;
    }, cancel, mayRun: true);

    private async Task WithAsync(Machine machine, int disk, Func<DiskSlot, DiskSlot> work, CancellationToken cancel, bool mayRun = false)
    {
        await machine.Storage.WaitAsync(cancel);
        try
        {
            var (power, settings, checkpoints) = host.State.Read(_ => (machine.Power, machine.Settings, machine.Checkpoints.Count));
            if (!mayRun && (power != PowerState.Off || checkpoints > 0))
                throw new JobFailedException($"'{settings.Name}' must be off and without checkpoints. (0x80070020)", 32775);
            if (disk < 0 || disk >= settings.Disks.Count) throw new KeyNotFoundException($"'{settings.Name}' has no disk {disk}.");
            var changed = work(settings.Disks[disk]);
            host.State.Change(_ => machine.Settings = machine.Settings with
            {
                Disks = [.. machine.Settings.Disks.Select((d, i) => i == disk ? changed : d)],
            });
            if (power == PowerState.Off) WriteIds.Note(host, machine);
            ConfigurationFile.Write(host.Paths, settings.ConfigurationPath, host.State.Read(_ => machine.Settings));
        }
        finally
        {
            machine.Storage.Release();
        }
    }
}
