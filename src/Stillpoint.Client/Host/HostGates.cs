using Stillpoint.Model;

namespace Stillpoint.Client;

/// <summary>What a job takes of its host.</summary>
internal enum HostUse
{
    /// <summary>A checkpoint, and the reading of its disks.</summary>
    Backup,

    /// <summary>Files are written.</summary>
    Restore,
}

/// <summary>
/// Lets jobs onto the host within its limits, in the order in which they came; one job a VM at a time. A job that waits does not hold up another
/// whose volumes are free.
/// </summary>
internal sealed class HostGates(HostLoad load)
{
    private readonly Lock _lock = new();
    private readonly List<Turn> _inside = [];
    private readonly List<Turn> _waiting = [];

    /// <summary>Waits for a turn; it ends when the result is disposed.</summary>
    /// <param name="use">What for.</param>
    /// <param name="vmId">The VM that is worked on; null for none.</param>
    /// <param name="paths">Host paths of the disks.</param>
    /// <param name="told">Told what is waited for, when something is.</param>
    /// <param name="cancel">Ends the wait.</param>
    public async Task<IDisposable> EnterAsync(HostUse use, Guid? vmId, IEnumerable<string> paths, Func<string, Task> told, CancellationToken cancel)
    {
        var turn = new Turn(this, use, vmId, paths.Select(HostPaths.VolumeOf).ToHashSet(StringComparer.OrdinalIgnoreCase));
        string? missing;
        lock (_lock)
        {
            missing = Missing(turn);
            if (missing is null) _inside.Add(turn);
            else _waiting.Add(turn);
        }
        if (missing is null) return turn;
        try
        {
            await told(missing);
            await turn.Entered.Task.WaitAsync(cancel);
            return turn;
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    private string? Missing(Turn turn)
    {
        if (turn.VmId is { } vm && _inside.Exists(t => t.VmId == vm)) return "another job on this VM to end";
        if (_inside.Count >= load.Transfers) return $"one of the {load.Transfers} jobs that this host may run to end";
        if (turn.Use == HostUse.Backup && _inside.Count(t => t.Use == HostUse.Backup) >= load.Checkpoints)
            return $"one of the {load.Checkpoints} checkpoints that may be open on this host to be released";
        var full = turn.Volumes.FirstOrDefault(v => _inside.Count(t => t.Volumes.Contains(v)) >= load.PerVolume);
        return full is null ? null : $"one of the {load.PerVolume} jobs that volume {full} may carry to end";
    }

    private void Leave(Turn turn)
    {
        lock (_lock)
        {
            _inside.Remove(turn);
            _waiting.Remove(turn);
            foreach (var next in _waiting.ToArray())
            {
                if (Missing(next) is not null) continue;
                _waiting.Remove(next);
                _inside.Add(next);
                next.Entered.TrySetResult();
            }
        }
    }

    private sealed class Turn(HostGates gates, HostUse use, Guid? vmId, HashSet<string> volumes) : IDisposable
    {
        private int _left;

        public HostUse Use => use;

        public Guid? VmId => vmId;

        public HashSet<string> Volumes => volumes;

        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0) gates.Leave(this);
        }
    }
}
