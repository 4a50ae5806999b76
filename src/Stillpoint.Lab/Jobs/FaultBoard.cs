namespace Stillpoint.Lab;

/// <summary>Faults that somebody asked for by name: each fires so many times, and how often it fired is counted, so that a test can fail
/// when its fault never came.</summary>
internal sealed class FaultBoard
{
    /// <summary>All names, with what each does.</summary>
    public static readonly IReadOnlyDictionary<string, string> Known = new Dictionary<string, string>
    {
        ["checkpoint-fails"] = "the job of CreateSnapshot ends with an error",
        ["quiesce-fails"] = "an application-consistent checkpoint fails as for a guest that cannot be quiesced",
        ["job-hangs"] = "a job starts and does not end until it is terminated, faults are cleared, or the lab restarts",
        ["import-fails"] = "the job of ImportSystemDefinition ends with an error",
        ["validate-fails"] = "the job of ValidatePlannedSystem ends with an error",
        ["realize-fails"] = "the job of RealizePlannedSystem ends with an error",
        ["start-fails"] = "a VM does not start",
        ["convert-fails"] = "the job of ConvertToReferencePoint ends with an error; the checkpoint stays",
        ["merge-slow"] = "disks begin to merge only after 20 seconds",
        ["merge-fails"] = "disks do not merge until the next release or restart",
        ["changes-missing-range"] = "GetVirtualDiskChanges leaves the last changed range out",
        ["tracking-lost"] = "the VM's change tracking ids are forgotten",
        ["tracking-broken"] = "the VM's change tracking files are found inconsistent; ids from then on are sound",
        ["access-denied"] = "a WS-Management request is refused",
        ["namespace-missing"] = "a request is answered as by a machine without the Hyper-V role",
        ["operation-timeout"] = "a request is answered with w:TimedOut",
        ["service-gone"] = "a request is answered as by a host whose service vmms does not run: 0x800706BA",
        ["request-quota"] = "a request is answered with w:QuotaLimit",
        ["logon-restricted"] = "the job of ConvertToReferencePoint ends with 0x8007052F; the checkpoint stays",
        ["disk-corrupt"] = "the VM's first frozen disk file is damaged from the next checkpoint until that is released",
        ["disk-missing"] = "the VM's first frozen disk file is not in its place from the next checkpoint until that is released",
    };

    private readonly Lock _gate = new();
    private readonly List<Planned> _planned = [];

    /// <summary>A fault as it stands.</summary>
    public sealed record Planned(string Name, string? Vm, int Count)
    {
        /// <summary>How often it has fired.</summary>
        public int Fired { get; set; }
    }

    /// <summary>Plans a fault.</summary>
    /// <param name="name">One of <see cref="Known"/>.</param>
    /// <param name="count">How often.</param>
    /// <param name="vm">Name of the VM; null for any.</param>
    public void Plan(string name, int count, string? vm)
    {
        lock (_gate) _planned.Add(new Planned(name, vm, count));
    }

    /// <summary>True when a fault of that name is due now; counts it.</summary>
    public bool Fires(string name, string? vm)
    {
        lock (_gate)
        {
            var due = _planned.FirstOrDefault(p => p.Name == name && p.Fired < p.Count
                && (p.Vm is null || p.Vm.Equals(vm, StringComparison.OrdinalIgnoreCase)));
            if (due is null) return false;
            due.Fired++;
            return true;
        }
    }

    /// <summary>Lets no planned fault fire any more; what fired stays listed.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            for (var i = 0; i < _planned.Count; i++) _planned[i] = _planned[i] with { Count = _planned[i].Fired };
        }
    }

    /// <summary>All planned faults and how often each fired.</summary>
    public IReadOnlyList<Planned> List()
    {
        lock (_gate) return [.. _planned];
    }
}
