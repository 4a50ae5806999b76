using Stillpoint.VirtualDisks;

namespace Stillpoint.Lab;

/// <summary>
/// Merges what a release left. As long as the file below a VM's leaf is pinned by no checkpoint, the leaf is merged into it and the VM goes on
/// in that file. A file between is merged away too, and the user checkpoint above it then stands on the file below; but never while a recovery
/// checkpoint is there, whose files somebody reads. Files that nothing leads to are deleted.
/// </summary>
internal sealed class DiskMerges(HostContext host, TimeSpan delay)
{
    private static readonly TimeSpan SlowDelay = TimeSpan.FromSeconds(20);

    /// <summary>Begins to merge in the background; <see cref="Machine.MergePending"/> is true until it is done.</summary>
    public void Begin(Machine machine) => host.Jobs.Background(cancel => RunAsync(machine, cancel));

    private async Task RunAsync(Machine machine, CancellationToken cancel)
    {
        var name = host.State.Read(_ => machine.Settings.Name);
        // While merging is switched off nothing begins, and nothing is said.
        if (host.State.Read(_ => machine is not { MergePending: true, MergingDisabled: false })) return;
        var job = host.Jobs.Track(JobType.MergeDisks, "Merging Virtual Hard Disks", host.State.Read(_ => machine.Path));
        JobFailedException? error = new("The operation was canceled. (0x800704C7)");
        try
        {
            await DelayAsync(job, host.Faults.Fires("merge-slow", name) ? SlowDelay : delay, cancel);
            if (host.Faults.Fires("merge-fails", name))
            {
                error = new JobFailedException($"'{name}' background disk merge failed to complete: The process cannot access the file because it is being "
                    + $"used by another process. (0x80070020). (Virtual machine ID {LabText.Upper(machine.Id)})");
                return;
            }
            await MergeAsync(machine, cancel);
            error = null;
        }
        finally
        {
            host.Jobs.Finish(job, error);
        }
    }

    private async Task DelayAsync(LabJob job, TimeSpan time, CancellationToken cancel)
    {
        const int steps = 10;
        for (var i = 1; i <= steps; i++)
        {
            await Task.Delay(time / steps, host.Clock.Time, cancel);
            job.Percent = (ushort)(i * 90 / steps);
        }
    }

    private async Task MergeAsync(Machine machine, CancellationToken cancel)
    {
        await machine.Storage.WaitAsync(cancel);
        try
        {
            if (host.State.Read(all => machine is not { MergePending: true, MergingDisabled: false } || !all.Contains(machine))) return;
            var asked = host.State.Read(_ => machine.MergesAsked);
            var off = host.State.Read(_ => machine.Power is PowerState.Off or PowerState.Saved);
            if (off) WriteIds.Notice(host, machine);
            for (var i = 0; i < host.State.Read(_ => machine.Settings.Disks.Count); i++)
            {
                while (MergeLeaf(machine, i) || MergeBetween(machine, i))
                {
                }
            }
            DeleteUnreachable(machine);
            // What was asked for meanwhile is the next run's, and pending until then.
            host.State.Change(_ => machine.MergePending = machine.MergesAsked != asked);
            if (off) WriteIds.Note(host, machine);
        }
        finally
        {
            machine.Storage.Release();
        }
    }

    private bool MergeLeaf(Machine machine, int index)
    {
        var (slot, pinned, held) = host.State.Read(_ =>
        {
            var disk = machine.Settings.Disks[index];
            var pins = machine.Checkpoints.SelectMany(c => c.Settings.Disks).Where(d => d.Disk == disk.Disk).Select(d => d.Path);
            return (disk, pins.ToHashSet(StringComparer.OrdinalIgnoreCase), machine.Power is PowerState.Running or PowerState.Paused);
        });
        if (slot.Path.Equals(slot.Base, StringComparison.OrdinalIgnoreCase)) return false;
        var chain = Chain(slot.Path);
        if (chain.Count < 2 || pinned.Contains(chain[1])) return false;
        if (pinned.Any(p => Chain(p).Skip(1).Contains(chain[1], StringComparer.OrdinalIgnoreCase))) return false;
        if (held) host.Files.Lock(chain[1]);
        host.Files.MergeIntoParent(slot.Path);
        host.State.Change(_ =>
        {
            var disks = machine.Settings.Disks.ToArray();
            disks[index] = slot with { Path = chain[1] };
            machine.Settings = machine.Settings with { Disks = disks };
        });
        host.Files.Delete(slot.Path);
        return true;
    }

    private bool MergeBetween(Machine machine, int index)
    {
        var (slot, frozen, inUse) = host.State.Read(_ =>
        {
            var disk = machine.Settings.Disks[index];
            var files = machine.Checkpoints.SelectMany(c => c.Settings.Disks).Where(d => d.Disk == disk.Disk).Select(d => d.Path);
            return (disk, files.ToHashSet(StringComparer.OrdinalIgnoreCase), machine.Checkpoints.Exists(c => c.Kind == CheckpointKind.Recovery));
        });
        // What stands on a file between is linked anew, which this library does for VHDX alone.
        if (inUse || DiskFiles.IsVhd(slot.Base)) return false;
        var children = Children(frozen.Append(slot.Path), slot.Base);
        foreach (var (parent, above) in children)
        {
            if (frozen.Contains(parent) || above.Count != 1 || above.Contains(slot.Path)) continue;
            var child = above.Single();
            host.Files.MergeIntoParent(child);
            foreach (var next in children.GetValueOrDefault(child) ?? []) host.Files.SetParent(next, parent);
            host.State.Change(_ =>
            {
                for (var i = 0; i < machine.Checkpoints.Count; i++) machine.Checkpoints[i] = Moved(machine.Checkpoints[i], child, parent);
            });
            host.Files.Delete(child);
            return true;
        }
        return false;
    }

    /// <summary>Which files stand on which, in the chains of these files down to the disk's base.</summary>
    private Dictionary<string, HashSet<string>> Children(IEnumerable<string> heads, string lowest)
    {
        var children = new Dictionary<string, HashSet<string>>(StringComparer.OrdinalIgnoreCase);
        foreach (var chain in heads.Select(Chain))
        {
            for (var i = 0; i + 1 < chain.Count && !chain[i].Equals(lowest, StringComparison.OrdinalIgnoreCase); i++)
            {
                if (!children.TryGetValue(chain[i + 1], out var above)) children.Add(chain[i + 1], above = new(StringComparer.OrdinalIgnoreCase));
                above.Add(chain[i]);
            }
        }
        return children;
    }

    private static Checkpoint Moved(Checkpoint checkpoint, string from, string to) => checkpoint with
    {
        Settings = checkpoint.Settings with
        {
            Disks = [.. checkpoint.Settings.Disks.Select(d => d.Path.Equals(from, StringComparison.OrdinalIgnoreCase) ? d with { Path = to } : d)],
        },
    };

    private void DeleteUnreachable(Machine machine)
    {
        var (slots, frozen) = host.State.Read(_ => (machine.Settings.Disks, machine.Checkpoints.SelectMany(c => c.Settings.Disks).ToArray()));
        foreach (var slot in slots)
        {
            var reachable = frozen.Where(f => f.Disk == slot.Disk).Append(slot).SelectMany(s => Chain(s.Path))
                .ToHashSet(StringComparer.OrdinalIgnoreCase);
            var folder = Path.GetDirectoryName(host.Files.Local(slot.Base))!;
            var pattern = Path.GetFileNameWithoutExtension(HostPaths.Name(slot.Base)) + (DiskFiles.IsVhd(slot.Base) ? "_*.avhd" : "_*.avhdx");
            foreach (var file in Directory.EnumerateFiles(folder, pattern).ToArray())
            {
                if (host.Paths.ToHost(file) is { } path && !reachable.Contains(path)) host.Files.Delete(path);
            }
        }
    }

    private List<string> Chain(string path)
    {
        using var disk = host.Files.OpenRead(path);
        return [.. disk.Chain.Select(d => host.Paths.ToHost(d.Path)).OfType<string>()];
    }
}
