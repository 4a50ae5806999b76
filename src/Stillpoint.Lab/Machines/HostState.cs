using System.Text.Json;
using Stillpoint.Durable;

namespace Stillpoint.Lab;

/// <summary>All VMs of the host, kept in one file that is replaced whole: after a crash it holds either the old state or the new one.</summary>
internal sealed class HostState
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = false };
    private readonly string _path;
    private readonly List<Machine> _machines;

    /// <param name="path">The state file; absent in a new lab.</param>
    public HostState(string path)
    {
        _path = path;
        _machines = File.Exists(path) ? JsonSerializer.Deserialize<List<Machine>>(File.ReadAllBytes(path), Json) ?? [] : [];
    }

    /// <summary>Held while the state is read or changed; never while a disk is read or written.</summary>
    public Lock Gate { get; } = new();

    /// <summary>All machines, realized and planned. Under the gate.</summary>
    public IReadOnlyList<Machine> Machines => _machines;

    /// <summary>The machine of that id, or null.</summary>
    public Machine? Find(Guid id) => _machines.FirstOrDefault(m => m.Id == id);

    /// <summary>The realized machine of that name or id, or null.</summary>
    public Machine? FindByName(string name) =>
        _machines.FirstOrDefault(m => !m.IsPlanned && (m.Settings.Name.Equals(name, StringComparison.OrdinalIgnoreCase) 
            || LabText.Upper(m.Id).Equals(name, StringComparison.OrdinalIgnoreCase)));

    /// <summary>Changes the state and makes the change durable.</summary>
    public void Change(Action<List<Machine>> change)
    {
        lock (Gate)
        {
            change(_machines);
            DurableFile.Replace(_path, JsonSerializer.SerializeToUtf8Bytes(_machines, Json));
        }
    }

    /// <summary>Reads under the gate.</summary>
    public T Read<T>(Func<IReadOnlyList<Machine>, T> read)
    {
        lock (Gate) return read(_machines);
    }

    /// <summary>Claims a VM for one operation.</summary>
    /// <returns>Null when another one runs: 32775.</returns>
    public IDisposable? TryBegin(Machine machine, Activity activity)
    {
        lock (Gate)
        {
            if (machine.Activity != Activity.None) return null;
            machine.Activity = activity;
            return new Claim(this, machine);
        }
    }

    private sealed class Claim(HostState state, Machine machine) : IDisposable
    {
        public void Dispose()
        {
            lock (state.Gate) machine.Activity = Activity.None;
        }
    }
}
