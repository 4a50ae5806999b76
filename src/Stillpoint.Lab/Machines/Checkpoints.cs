namespace Stillpoint.Lab;

/// <summary>Takes, applies and removes checkpoints on the files of a VM.</summary>
internal sealed class Checkpoints(HostContext host, DiskMerges merges)
{
    /// <summary>ERROR_CTLOG_INCONSISTENT_TRACKING_FILE (winerror.h).</summary>
    private const uint TrackingInconsistent = 0xC03A0024;

    private const int ApplicationConsistent = 1;

    /// <summary>Freezes every disk of a VM and lets it go on in new differencing files.</summary>
    /// <param name="machine">The VM, claimed for this operation.</param>
    /// <param name="kind">For a person or for a backup.</param>
    /// <param name="consistency">1 application, 2 crash.</param>
    /// <param name="cancel">Ends the wait for the disks.</param>
    /// <exception cref="JobFailedException">The guest cannot be quiesced, or a fault was planned.</exception>
    public async Task<Checkpoint> TakeAsync(Machine machine, CheckpointKind kind, int consistency, CancellationToken cancel)
    {
        var settings = host.State.Read(_ => machine.Settings);
        Refuse(machine, settings, consistency);
        await machine.Storage.WaitAsync(cancel);
        try
        {
            if (host.Faults.Fires("tracking-lost", settings.Name))
            {
                foreach (var slot in settings.Disks) host.Tracking(slot).Keep(new HashSet<string>());
            }
            if (host.Faults.Fires("tracking-broken", settings.Name))
            {
                foreach (var slot in settings.Disks) host.Tracking(slot).Lose(TrackingInconsistent);
            }
            var off = host.State.Read(_ => machine.Power is PowerState.Off or PowerState.Saved);
            if (off) WriteIds.Notice(host, machine);
            var checkpoint = Freeze(machine, kind, consistency);
            if (off) WriteIds.Note(host, machine);
            if (host.Faults.Fires("disk-missing", settings.Name)) host.Files.Hide(checkpoint.Settings.Disks[0].Path);
            if (host.Faults.Fires("disk-corrupt", settings.Name)) host.Files.Damage(checkpoint.Settings.Disks[0].Path);
            return checkpoint;
        }
        finally
        {
            machine.Storage.Release();
        }
    }

    /// <summary>Turns a recovery checkpoint into a reference point; its disks begin to merge.</summary>
    public ReferencePoint Convert(Machine machine, Checkpoint checkpoint)
    {
        var name = host.State.Read(_ => machine.Settings.Name);
        if (host.Faults.Fires("convert-fails", name))
        {
            throw new JobFailedException($"'{name}' failed to convert the checkpoint to a reference point. (0x80004005)");
        }
        if (host.Faults.Fires("logon-restricted", name))
        {
            throw new JobFailedException($"'{name}' failed to start worker process: Logon failure: the user has not been granted the requested "
                + "logon type at this computer. (0x8007052F)");
        }
        var disks = checkpoint.Settings.Disks.Zip(checkpoint.TrackingIds, (slot, id) => (slot, id)).Where(d => d.id is not null)
            .Select(d => new ReferencePointDisk(d.slot.Key, d.id!));
        var point = new ReferencePoint(host.Clock.NewId(), checkpoint.Consistency, [.. disks]);
        Release(machine, checkpoint, () => machine.ReferencePoints.Add(point));
        return point;
    }

    /// <summary>Removes a checkpoint; its disks begin to merge.</summary>
    public Task DestroyAsync(Machine machine, Checkpoint checkpoint, CancellationToken cancel)
    {
        Release(machine, checkpoint, () => { });
        return host.PruneTrackingAsync(machine, cancel);
    }

    /// <summary>Removes a reference point and forgets its tracking ids.</summary>
    public Task DestroyAsync(Machine machine, ReferencePoint point, CancellationToken cancel)
    {
        host.State.Change(_ => machine.ReferencePoints.Remove(point));
        return host.PruneTrackingAsync(machine, cancel);
    }

    /// <summary>A reference point of what the disks are now, without a checkpoint.</summary>
    public async Task<ReferencePoint> PointAsync(Machine machine, int consistency, CancellationToken cancel)
    {
        await machine.Storage.WaitAsync(cancel);
        try
        {
            var disks = host.State.Read(_ => machine.Settings.Disks);
            var point = new ReferencePoint(host.Clock.NewId(), consistency, [.. disks.Select(d => (d.Key, Id: Seal(d))).Where(d => d.Id is not null)
                .Select(d => new ReferencePointDisk(d.Key, d.Id!))]);
            host.State.Change(_ => machine.ReferencePoints.Add(point));
            return point;
        }
        finally
        {
            machine.Storage.Release();
        }
    }

    /// <summary>Takes a VM that does not run back to a user checkpoint. Change tracking knows nothing of it: its answers stay what they were,
    /// which is the trap that a backup has to see by the last applied snapshot.</summary>
    public async Task ApplyAsync(Machine machine, Checkpoint checkpoint, CancellationToken cancel)
    {
        await machine.Storage.WaitAsync(cancel);
        try
        {
            var current = host.State.Read(_ => machine.Settings);
            var slots = new List<DiskSlot>();
            foreach (var slot in checkpoint.Settings.Disks)
            {
                var child = ChildName(slot);
                host.Files.CreateChild(slot.Path, child);
                if (host.Records.Model(slot.Disk) is { Exists: true } model) model.Revert(checkpoint.Id);
                slots.Add(slot with { Path = child });
            }
            host.State.Change(_ =>
            {
                machine.Settings = current with { Disks = slots };
                machine.LastApplied = checkpoint.Id;
                machine.ConfigurationChanged = host.Clock.Now;
                machine.AskMerge();
            });
            WriteIds.Note(host, machine);
        }
        finally
        {
            machine.Storage.Release();
        }
        merges.Begin(machine);
    }

    private void Refuse(Machine machine, MachineSettings settings, int consistency)
    {
        if (host.Faults.Fires("checkpoint-fails", settings.Name))
        {
            throw new JobFailedException($"Checkpoint operation failed. '{settings.Name}' "
                + "could not initiate a checkpoint operation: Unspecified error (0x80004005). "
                + $"(Virtual machine ID {LabText.Upper(machine.Id)})");
        }
        var running = host.State.Read(_ => machine.Power) == PowerState.Running;
        if (consistency != ApplicationConsistent || !running) return;
        if (settings.Guest.CanQuiesce && !host.Faults.Fires("quiesce-fails", settings.Name)) return;
        throw new JobFailedException($"Checkpoint operation for '{settings.Name}' failed. (Virtual machine ID {LabText.Upper(machine.Id)}) "
            + $"Production checkpoints cannot be created for '{settings.Name}'. The guest could not be quiesced: "
            + "the Hyper-V Volume Shadow Copy Requestor service in the guest did not answer. (0x80042301)");
    }

    private Checkpoint Freeze(Machine machine, CheckpointKind kind, int consistency)
    {
        var id = host.Clock.NewId();
        var now = host.Clock.Now;
        var (settings, held, name) = host.State.Read(_ =>
            (machine.Settings, machine.Power is PowerState.Running or PowerState.Paused or PowerState.Starting, machine.Settings.Name));
        var children = settings.Disks.Select(d => d with { Path = ChildName(d) }).ToArray();
        for (var i = 0; i < children.Length; i++)
        {
            host.Files.CreateChild(settings.Disks[i].Path, children[i].Path);
            if (held) host.Files.Lock(children[i].Path);
        }
        var ids = settings.Disks.Select(d => kind == CheckpointKind.Recovery && settings.Tracks ? Seal(d) : null).ToArray();
        var frozen = settings with
        {
            Name = $"{name} - ({now:M/d/yyyy - h:mm:ss tt})",
            ConfigurationRoot = settings.SnapshotRoot,
            ConfigurationFile = $@"Snapshots\{LabText.Upper(id)}.vmcx",
            Outside = [],
        };
        // The file keeps the VM's own name: it is a copy of the VM's configuration, and an import shall bring that VM back.
        ConfigurationFile.Write(host.Paths, frozen.ConfigurationPath, settings);
        Record(machine, settings, new CheckpointRecord(id, machine.Id, name, kind, consistency, now, []));
        var parent = host.State.Read(_ => machine.Checkpoints.LastOrDefault(c => c.Kind == CheckpointKind.User)?.Id);
        var checkpoint = new Checkpoint(id, kind, now, consistency, parent, frozen, ids);
        host.State.Change(_ =>
        {
            machine.Checkpoints.Add(checkpoint);
            machine.Settings = settings with { Disks = children };
        });
        foreach (var slot in settings.Disks) host.Files.Unlock(slot.Path);
        return checkpoint;
    }

    private void Record(Machine machine, MachineSettings settings, CheckpointRecord record)
    {
        var disks = new List<CheckpointDisk>();
        for (var i = 0; i < settings.Disks.Count; i++)
        {
            var slot = settings.Disks[i];
            Machines.EnsureModel(host, slot);
            var taken = host.Records.Model(slot.Disk).Take(record.CheckpointId, keepCopy: record.Kind == CheckpointKind.User);
            disks.Add(new CheckpointDisk(i, slot.Disk, slot.Path, taken));
        }
        host.Records.Add(record with { Disks = disks });
    }

    /// <summary>Begins a new tracking id; null for a VHD, which has no tracking.</summary>
    private string? Seal(DiskSlot slot)
    {
        if (DiskFiles.IsVhd(slot.Base)) return null;
        var id = $"rctX:{host.Clock.NewId().ToString().Replace('-', ':')}:00000001";
        host.Tracking(slot).Seal(id);
        return id;
    }

    private void Release(Machine machine, Checkpoint checkpoint, Action also)
    {
        foreach (var slot in checkpoint.Settings.Disks)
        {
            host.Files.Unhide(slot.Path);
            host.Files.Mend(slot.Path);
        }
        host.State.Change(_ =>
        {
            also();
            machine.Checkpoints.Remove(checkpoint);
            for (var i = 0; i < machine.Checkpoints.Count; i++)
            {
                var other = machine.Checkpoints[i];
                if (other.Parent == checkpoint.Id) machine.Checkpoints[i] = other with { Parent = checkpoint.Parent };
            }
            machine.AskMerge();
        });
        ConfigurationFile.Delete(host.Paths, checkpoint.Settings.ConfigurationPath);
        foreach (var slot in checkpoint.Settings.Disks) host.Records.Model(slot.Disk).ForgetCopy(checkpoint.Id);
        merges.Begin(machine);
    }

    private string ChildName(DiskSlot slot)
    {
        var name = HostPaths.Name(slot.Base);
        var dot = name.LastIndexOf('.');
        return $@"{HostPaths.Folder(slot.Base)}\{(dot > 0 ? name[..dot] : name)}_{LabText.Upper(host.Clock.NewId())}{(DiskFiles.IsVhd(slot.Base) ? ".avhd" : ".avhdx")}";
    }
}
