namespace Stillpoint.Lab;

/// <summary>Settings of VMs and of checkpoints.</summary>
internal sealed class SystemSettings(CimSchema schema, HostContext host) : CimSource(schema, host)
{
    /// <inheritdoc/>
    public override void Register(CimRepository repository) =>
        repository.Add("Msvm_VirtualSystemSettingData", () => ForMachines(m => m.Checkpoints.Select(c => Checkpoint(m, c)).Prepend(Machine(m))));

    private CimInstance Machine(Machine machine) => Common(machine, machine.Id, machine.Settings).With(
        ("Caption", "Virtual Machine Settings"),
        ("Description", "Active settings for the virtual machine."),
        ("CreationTime", machine.Created),
        ("IsSaved", machine.Power == PowerState.Saved),
        ("Parent", machine.LastApplied is { } applied && machine.Checkpoints.Any(c => c.Id == applied) ? Reference(applied) : null),
        ("VirtualSystemType", machine.IsPlanned ? "Microsoft:Hyper-V:System:Planned" : "Microsoft:Hyper-V:System:Realized"));

    private CimInstance Checkpoint(Machine machine, Checkpoint checkpoint) => Common(machine, checkpoint.Id, checkpoint.Settings).With(
        ("Caption", "Virtual Machine Settings"),
        ("Description", "Checkpoint settings for the virtual machine."),
        ("CreationTime", checkpoint.Created),
        ("IsSaved", false),
        ("Parent", checkpoint.Parent is { } parent ? Reference(parent) : null),
        ("VirtualSystemType", checkpoint.Kind == CheckpointKind.Recovery
            ? "Microsoft:Hyper-V:Snapshot:Recovery"
            : "Microsoft:Hyper-V:Snapshot:Realized"));

    private CimInstance Common(Machine machine, Guid id, MachineSettings settings) => New("Msvm_VirtualSystemSettingData").With(
        ("InstanceID", LabText.InstanceId(id)),
        ("ElementName", settings.Name),
        ("VirtualSystemIdentifier", LabText.Upper(machine.Id)),
        ("ConfigurationID", LabText.Upper(id)),
        ("Notes", new[] { settings.Notes }),
        ("ConfigurationDataRoot", settings.ConfigurationRoot),
        ("ConfigurationFile", settings.ConfigurationFile),
        ("GuestStateDataRoot", settings.ConfigurationRoot),
        ("GuestStateFile", settings.Generation == 2 ? Path.ChangeExtension(settings.ConfigurationFile, ".vmgs") : null),
        ("SnapshotDataRoot", settings.SnapshotRoot),
        ("SuspendDataRoot", settings.ConfigurationRoot),
        ("SwapFileDataRoot", settings.PagingRoot),
        ("LogDataRoot", settings.ConfigurationRoot),
        ("AutomaticStartupAction", (ushort)3),
        ("AutomaticStartupActionDelay", TimeSpan.Zero),
        ("AutomaticStartupActionSequenceNumber", (ushort)0),
        ("AutomaticShutdownAction", (ushort)3),
        ("AutomaticRecoveryAction", (ushort)3),
        ("AutomaticCriticalErrorAction", (ushort)1),
        ("AutomaticCriticalErrorActionTimeout", TimeSpan.FromMinutes(30)),
        ("AutomaticSnapshotsEnabled", false),
        ("IsAutomaticSnapshot", false),
        ("BIOSGUID", $"{{{LabText.Upper(settings.BiosId)}}}"),
        ("BIOSNumLock", false),
        ("BIOSSerialNumber", "0000-0000-0000-0000"),
        ("BootOrder", new ushort[] { 0, 1, 2, 3 }),
        ("Architecture", "x64"),
        ("ConsoleMode", (ushort)0),
        ("DebugChannelId", 0U),
        ("DebugPort", 0U),
        ("DebugPortEnabled", (ushort)0),
        ("AllowFullSCSICommandSet", false),
        ("AllowReducedFcRedundancy", false),
        ("EnhancedSessionTransportType", (ushort)0),
        ("GuestControlledCacheTypes", false),
        ("HighMmioGapSize", 512UL),
        ("LowMmioGapSize", 128UL),
        ("IncrementalBackupEnabled", false),
        ("LockOnDisconnect", false),
        ("NetworkBootPreferredProtocol", (ushort)4096),
        ("PauseAfterBootFailure", false),
        ("SecureBootEnabled", settings.Generation == 2),
        ("UserSnapshotType", (ushort)3),
        ("Version", settings.Version),
        ("VirtualNumaEnabled", true),
        ("VirtualSystemSubType", $"Microsoft:Hyper-V:SubType:{settings.Generation}"));

    private static string Reference(Guid id) => Reference("Msvm_VirtualSystemSettingData", LabText.InstanceId(id));
}
