namespace Stillpoint.Lab;

/// <summary>Imports configurations as planned VMs, and makes planned VMs real.</summary>
internal sealed class PlannedMachines(HostContext host)
{
    private const string DefaultRoot = @"C:\ProgramData\Microsoft\Windows\Hyper-V";

    /// <summary>Registers a configuration file.</summary>
    /// <param name="hostPath">The file.</param>
    /// <param name="newId">True for a new id; false for the one in the file, which no other VM may have.</param>
    /// <exception cref="JobFailedException">The file is missing or none.</exception>
    public Machine Import(string hostPath, bool newId)
    {
        var settings = ConfigurationFile.Read(host.Paths, hostPath);
        var id = newId ? host.Clock.NewId() : settings.MachineId
            ?? throw new JobFailedException("Failed to import a virtual machine. The configuration has no identifier. (0x8007000D)");
        if (host.State.Read(_ => host.State.Find(id)) is not null)
            throw new JobFailedException("Failed to import a virtual machine. An identifier that is in use already exists. (0x800700B7)");
        var now = host.Clock.Now;
        var machine = new Machine
        {
            Id = id,
            IsPlanned = true,
            Created = now,
            ConfigurationChanged = now,
            StateChanged = now,
            Settings = settings with
            {
                MachineId = id,
                ConfigurationRoot = DefaultRoot,
                SnapshotRoot = DefaultRoot,
                PagingRoot = DefaultRoot,
                ConfigurationFile = $@"Virtual Machines\{LabText.Upper(id)}.vmcx",
                // New ids: a restored disk has a record and a tracking of its own, never those of the disk it was read from.
                Disks = [.. settings.Disks.Select(d => d with { Disk = host.Clock.NewId(), Base = d.Path })],
            },
        };
        host.State.Change(all => all.Add(machine));
        return machine;
    }

    /// <summary>Makes a planned VM real: off, with its configuration in its own folder.</summary>
    /// <exception cref="JobFailedException">A disk is not fit.</exception>
    public void Realize(Machine machine)
    {
        Machines.CheckDisks(host, machine);
        var settings = host.State.Read(_ => machine.Settings);
        ConfigurationFile.Write(host.Paths, settings.ConfigurationPath, settings);
        host.State.Change(_ =>
        {
            machine.IsPlanned = false;
            machine.Created = host.Clock.Now;
            machine.ConfigurationChanged = host.Clock.Now;
        });
    }

    /// <summary>Removes a VM that does not run; its disks stay.</summary>
    public void Destroy(Machine machine)
    {
        var (settings, planned, checkpoints) = host.State.Read(_ => (machine.Settings, machine.IsPlanned, machine.Checkpoints.ToArray()));
        host.State.Change(all => all.Remove(machine));
        if (planned) return;
        foreach (var slot in settings.Disks) host.Files.Unlock(slot.Path);
        ConfigurationFile.Delete(host.Paths, settings.ConfigurationPath);
        foreach (var checkpoint in checkpoints) ConfigurationFile.Delete(host.Paths, checkpoint.Settings.ConfigurationPath);
    }
}
