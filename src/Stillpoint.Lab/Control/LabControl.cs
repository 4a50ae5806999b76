namespace Stillpoint.Lab;

/// <summary>What the controls do.</summary>
internal sealed class LabControl(LabParts parts)
{
    private const int CrashConsistent = 2;
    private const int MostFaults = 10_000;
    private readonly HostContext _host = parts.Context;

    /// <summary>All VMs with their disks, checkpoints and reference points.</summary>
    public object Machines() => _host.State.Read(all => all.Select(m => new
    {
        id = m.Id,
        name = m.Settings.Name,
        planned = m.IsPlanned,
        generation = m.Settings.Generation,
        state = m.Power,
        canQuiesce = m.Settings.Guest.CanQuiesce,
        operationalStatus = m.OperationalStatus,
        merging = m.MergePending,
        disks = m.Settings.Disks.Select((d, i) => new { index = i, path = d.Path, slot = d.Key, disk = d.Disk }).ToArray(),
        checkpoints = m.Checkpoints.Select(c => new { id = c.Id, name = c.Settings.Name, kind = c.Kind, created = c.Created }).ToArray(),
        referencePoints = m.ReferencePoints.Select(r => new { id = r.Id }).ToArray(),
    }).ToArray());

    /// <summary>The records of checkpoints, oldest first; of one VM, or of all.</summary>
    public object Records(string? vm) => _host.Records.List()
        .Where(r => string.IsNullOrEmpty(vm) || r.Vm.Equals(vm, StringComparison.OrdinalIgnoreCase)
            || r.VmId.ToString().Equals(vm, StringComparison.OrdinalIgnoreCase))
        .Select(r => new
        {
            checkpointId = r.CheckpointId,
            vm = r.Vm,
            vmId = r.VmId,
            kind = r.Kind,
            consistency = r.Consistency,
            created = r.Created,
            disks = r.Disks.Select(d => new
            {
                index = d.Index, path = d.Path, size = d.Record.Size, sha256 = d.Record.Sha256, blocksSha256 = d.Record.BlocksSha256,
                bytesChanged = d.Record.BytesChanged, bytesTouched = d.Record.BytesTouched,
            }).ToArray(),
        }).ToArray();

    /// <summary>Planned faults and how often each fired.</summary>
    public object Faults() => parts.Faults.List().Select(f => new { name = f.Name, vm = f.Vm, count = f.Count, fired = f.Fired }).ToArray();

    /// <summary>Lets a guest write.</summary>
    public async Task<object> WriteAsync(WriteRequest request, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(request.Bytes);
        var result = await parts.Guests.WriteAsync(Find(request.Vm), request.Bytes, request.Seed, cancel);
        return new { vm = request.Vm, bytesWritten = result.Bytes, bytesChanged = result.Changed, writes = result.Writes };
    }

    /// <summary>Reads a restored file here and holds it against the record.</summary>
    public object Compare(CompareRequest request)
    {
        var record = _host.Records.Find(request.CheckpointId)?.Disks.ElementAtOrDefault(request.Disk)
            ?? throw new KeyNotFoundException($"There is no record of disk {request.Disk} at checkpoint {request.CheckpointId}.");
        var path = request switch
        {
            { HostPath: { } host, LocalPath: null } => _host.Files.Local(host),
            { HostPath: null, LocalPath: { } local } => local,
            _ => throw new ArgumentException("Name hostPath or localPath."),
        };
        using var disk = _host.Files.OpenLocal(path);
        return _host.Records.Model(record.Disk).Compare(request.CheckpointId, disk.Length, disk.Data, (offset, buffer) =>
            disk.Read(offset, buffer.Span));
    }

    /// <summary>Plans a fault.</summary>
    public object Plan(FaultRequest request)
    {
        if (!FaultBoard.Known.ContainsKey(request.Name))
        {
            throw new ArgumentException($"There is no fault '{request.Name}'; there are: {string.Join(", ", FaultBoard.Known.Keys)}.");
        }
        if (request.Count is < 1 or > MostFaults) throw new ArgumentException($"A count is from 1 to {MostFaults}.");
        if (request.Vm is { } vm) Find(vm);
        parts.Faults.Plan(request.Name, request.Count, request.Vm);
        return new { name = request.Name, vm = request.Vm, count = request.Count };
    }

    /// <summary>Takes planned faults back and ends the jobs that hang by one.</summary>
    public object ClearFaults()
    {
        parts.Faults.Clear();
        parts.Jobs.TerminateHung();
        return Faults();
    }

    /// <summary>Leaves what another product would.</summary>
    public async Task<object> ForeignAsync(ForeignRequest request, CancellationToken cancel)
    {
        var machine = Find(request.Vm);
        using var claim = Claim(machine, Activity.CreatingSnapshot);
        var checkpoint = await parts.Checkpoints.TakeAsync(machine, CheckpointKind.Recovery, CrashConsistent, cancel);
        if (request.Kind == ForeignKind.RecoveryCheckpoint) return new { checkpointId = LabText.InstanceId(checkpoint.Id) };
        return new { referencePointId = LabText.InstanceId(parts.Checkpoints.Convert(machine, checkpoint).Id) };
    }

    /// <summary>Takes a checkpoint as a person does.</summary>
    public async Task<object> UserCheckpointAsync(MachineRequest request, CancellationToken cancel)
    {
        var machine = Find(request.Vm);
        using var claim = Claim(machine, Activity.CreatingSnapshot);
        var checkpoint = await parts.Checkpoints.TakeAsync(machine, CheckpointKind.User, CrashConsistent, cancel);
        return new { checkpointId = checkpoint.Id };
    }

    /// <summary>Takes a VM back, and starts it again when it ran.</summary>
    public async Task<object> RevertAsync(RevertRequest request, CancellationToken cancel)
    {
        var machine = Find(request.Vm);
        using var claim = Claim(machine, Activity.ApplyingSnapshot);
        var checkpoint = _host.State.Read(_ => machine.Checkpoints.LastOrDefault(c =>
                c.Kind == CheckpointKind.User && (request.CheckpointId is null || c.Id == request.CheckpointId)))
            ?? throw new KeyNotFoundException($"{request.Vm} has no such user checkpoint.");
        var power = _host.State.Read(_ => machine.Power);
        if (power is PowerState.Running or PowerState.Paused) await parts.Power.ChangeAsync(machine, (int)PowerState.Off, cancel);
        await parts.Checkpoints.ApplyAsync(machine, checkpoint, cancel);
        if (power == PowerState.Running) await parts.Power.ChangeAsync(machine, (int)PowerState.Running, cancel);
        return new { checkpointId = checkpoint.Id };
    }

    /// <summary>Switches merging off, as an export without its storage does.</summary>
    public object DisableMerging(MachineRequest request)
    {
        var machine = Find(request.Vm);
        _host.State.Change(_ => machine.MergingDisabled = true);
        return new { vm = request.Vm };
    }

    /// <summary>Does something to a disk while its VM is off.</summary>
    public async Task<object> OfflineAsync(OfflineRequest request, CancellationToken cancel)
    {
        var (machine, disks) = (Find(request.Vm), new OfflineDisks(_host));
        await (request.Deed switch
        {
            OfflineDeed.Replace => disks.ReplaceAsync(machine, request.Disk, cancel),
            OfflineDeed.Resize => disks.ResizeAsync(machine, request.Disk, request.Bytes, cancel),
            OfflineDeed.Compact => disks.CompactAsync(machine, request.Disk, cancel),
            OfflineDeed.Write => disks.WriteAsync(machine, request.Disk, request.Offset, silent: false, cancel),
            OfflineDeed.WriteSilently => disks.WriteAsync(machine, request.Disk, request.Offset, silent: true, cancel),
            OfflineDeed.Move => disks.MoveAsync(machine, request.Disk, request.Folder ?? throw new ArgumentException("Name a folder."), cancel),
            OfflineDeed.ResetTracking => disks.ResetTrackingAsync(machine, request.Disk, cancel),
            _ => throw new ArgumentException($"There is no {request.Deed}."),
        });
        return new { vm = request.Vm, deed = request.Deed };
    }

    /// <summary>Starts or stops a VM.</summary>
    public async Task<object> StateAsync(StateRequest request, CancellationToken cancel)
    {
        var machine = Find(request.Vm);
        using var claim = Claim(machine, Activity.Other);
        var from = _host.State.Read(_ => machine.Power);
        if (from == request.State) return new { vm = request.Vm, state = request.State };
        // What a host never answers to: a guest that hangs on its way up, and one that gets over it. Its disks stay held.
        if ((from, request.State) is (PowerState.Running, PowerState.Starting) or (PowerState.Starting, PowerState.Running))
        {
            _host.State.Change(_ => machine.Power = request.State);
            return new { vm = request.Vm, state = request.State };
        }
        if (request.State == PowerState.Starting || !PowerStates.May(from, (int)request.State))
        {
            throw new JobFailedException($"{request.Vm} cannot go from {from} to {request.State}.", 32775);
        }
        await parts.Power.ChangeAsync(machine, (int)request.State, cancel);
        return new { vm = request.Vm, state = request.State };
    }

    private Machine Find(string vm) => _host.State.Read(_ => _host.State.FindByName(vm)) ?? throw new KeyNotFoundException($"There is no VM '{vm}'.");

    private IDisposable Claim(Machine machine, Activity activity) =>
        _host.State.TryBegin(machine, activity) ?? throw new JobFailedException("Another operation on this virtual machine is in progress.", 32775);
}
