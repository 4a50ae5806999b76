namespace Stillpoint.Lab;

/// <summary>Starts and stops VMs.</summary>
internal sealed class PowerStates(HostContext host)
{
    private const int Reboot = 10;
    private const int Reset = 11;

    /// <summary>True when a host would try: otherwise 32775.</summary>
    public static bool May(PowerState from, int to) => (from, to) switch
    {
        (PowerState.Running, (int)PowerState.Off or (int)PowerState.Saved or (int)PowerState.Paused or Reboot or Reset) => true,
        (PowerState.Paused, (int)PowerState.Running or (int)PowerState.Off or (int)PowerState.Saved) => true,
        (PowerState.Saved, (int)PowerState.Running or (int)PowerState.Off) => true,
        (PowerState.Off, (int)PowerState.Running) => true,
        _ => false,
    };

    /// <summary>Brings a VM into a state.</summary>
    /// <param name="machine">The VM, claimed for this operation.</param>
    /// <param name="target">A number that <see cref="May"/> allows.</param>
    /// <param name="cancel">Ends the wait for the disks.</param>
    /// <exception cref="JobFailedException">A disk is missing, damaged or in use.</exception>
    public async Task ChangeAsync(Machine machine, int target, CancellationToken cancel)
    {
        await machine.Storage.WaitAsync(cancel);
        try
        {
            var (from, settings) = host.State.Read(_ => (machine.Power, machine.Settings));
            var to = target is Reboot or Reset ? PowerState.Running : (PowerState)target;
            if (from is PowerState.Off or PowerState.Saved) WriteIds.Notice(host, machine);
            if (to == PowerState.Running && from is PowerState.Off or PowerState.Saved) Start(machine, settings);
            if (to is PowerState.Off or PowerState.Saved)
            {
                foreach (var slot in settings.Disks) host.Files.Unlock(slot.Path);
            }
            var now = host.Clock.Now;
            host.State.Change(_ =>
            {
                machine.Power = to;
                machine.StateChanged = now;
                if (to is PowerState.Off or PowerState.Saved) machine.Started = null;
                else machine.Started ??= now;
            });
            if (to is PowerState.Off or PowerState.Saved) WriteIds.Note(host, machine);
        }
        finally
        {
            machine.Storage.Release();
        }
    }

    /// <summary>Puts the lock files as the VMs' states say: after a start of the lab.</summary>
    public void RestoreLocks()
    {
        foreach (var machine in host.State.Read(all => all.ToArray()))
        {
            var (power, settings) = host.State.Read(_ => (machine.Power, machine.Settings));
            foreach (var slot in settings.Disks.Where(s => host.Files.Exists(s.Path)))
            {
                if (power is PowerState.Running or PowerState.Paused or PowerState.Starting) host.Files.Lock(slot.Path);
                else if (!machine.IsPlanned) host.Files.Unlock(slot.Path);
            }
        }
    }

    private void Start(Machine machine, MachineSettings settings)
    {
        if (host.Faults.Fires("start-fails", settings.Name))
            throw new JobFailedException($"'{settings.Name}' failed to start. Not enough memory in the system to start the virtual machine. (0x8007000E)");
        Machines.CheckDisks(host, machine);
        foreach (var slot in settings.Disks)
        {
            Machines.EnsureModel(host, slot);
            host.Files.Lock(slot.Path);
        }
    }
}
