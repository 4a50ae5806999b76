namespace Stillpoint.Lab;

/// <summary>VMs, planned VMs and the host itself.</summary>
internal sealed class ComputerSystems(CimSchema schema, HostContext host) : CimSource(schema, host)
{
    private static readonly Dictionary<int, string> StatusTexts = new()
    {
        [2] = "Operating normally", [11] = "In service", [32768] = "Creating checkpoint", [32769] = "Applying checkpoint",
        [32770] = "Deleting checkpoint", [32772] = "Merging disks", [32776] = "Backing up",
    };

    /// <inheritdoc/>
    public override void Register(CimRepository repository)
    {
        repository.Add("Msvm_ComputerSystem", () => ForMachines(m => m.IsPlanned ? [] : [Virtual(m)]).Prepend(Physical()));
        repository.Add("Msvm_PlannedComputerSystem", () => ForMachines(m => m.IsPlanned ? [Virtual(m)] : []));
    }

    private CimInstance Virtual(Machine machine)
    {
        var className = machine.Path.ClassName;
        var never = machine.StateChanged == machine.Created;
        return Common(className, machine.IsPlanned ? "Planned Virtual Machine" : "Virtual Machine").With(
            ("Description", "Microsoft Virtual Machine"),
            ("ElementName", machine.Settings.Name),
            ("EnabledState", (ushort)machine.Power),
            ("Name", LabText.Upper(machine.Id)),
            ("NumberOfNumaNodes", (ushort)1),
            ("InstallDate", machine.Created),
            ("OnTimeInMilliseconds", machine.Started is { } started ? (ulong)Math.Max(0, (Host.Clock.Now - started).TotalMilliseconds) : 0UL),
            ("OperationalStatus", machine.OperationalStatus.ToArray()),
            ("ReplicationMode", (ushort)machine.Replication),
            ("ProcessID", machine.Started is null ? null : 4000U + machine.Id.ToByteArray()[0] * 4U),
            ("RequestedState", machine.Power == PowerState.Off && never ? (ushort)5 : (ushort)machine.Power),
            ("StatusDescriptions", machine.OperationalStatus.Select(s => StatusTexts.GetValueOrDefault(s, "")).ToArray()),
            ("TimeOfLastConfigurationChange", machine.ConfigurationChanged),
            ("TimeOfLastStateChange", never ? NeverSet : machine.StateChanged));
    }

    private CimInstance Physical() => Common("Msvm_ComputerSystem", "Hosting Computer System").With(
        ("Description", "Microsoft Hosting Computer System"),
        ("ElementName", HostName),
        ("EnabledDefault", (ushort)2),
        ("EnabledState", (ushort)2),
        ("Name", HostName),
        ("OperationalStatus", new ushort[] { 2 }),
        ("RequestedState", (ushort)12),
        ("StatusDescriptions", new[] { "Operating normally" }));

    private CimInstance Common(string className, string caption) => New(className).With(
        ("Caption", caption),
        ("CreationClassName", className),
        ("EnabledDefault", (ushort)3),
        ("EnhancedSessionModeState", (ushort)3),
        ("FailedOverReplicationType", (ushort)0),
        ("HealthState", (ushort)5),
        ("LastApplicationConsistentReplicationTime", NeverSet),
        ("LastReplicationTime", NeverSet),
        ("LastReplicationType", (ushort)0),
        ("ReplicationHealth", (ushort)0),
        ("ReplicationMode", (ushort)0),
        ("ReplicationState", (ushort)0),
        ("ResetCapability", (ushort)1),
        ("Status", "OK"));
}
