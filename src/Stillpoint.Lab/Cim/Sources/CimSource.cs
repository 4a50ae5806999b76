namespace Stillpoint.Lab;

/// <summary>Makes instances of classes from the host's state.</summary>
internal abstract class CimSource(CimSchema schema, HostContext host)
{
    /// <summary>Name of the simulated host.</summary>
    public const string HostName = "STILLPOINT-LAB";

    /// <summary>What WMI answers where a time was never set.</summary>
    protected static readonly DateTimeOffset NeverSet = new(1601, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The parts of the host.</summary>
    protected HostContext Host { get; } = host;

    /// <summary>Says which classes this source serves.</summary>
    public abstract void Register(CimRepository repository);

    /// <summary>A new instance of a class.</summary>
    protected CimInstance New(string className) => new(schema.Get(className));

    /// <summary>Machines as they are now.</summary>
    protected IReadOnlyList<CimInstance> ForMachines(Func<Machine, IEnumerable<CimInstance>> make) =>
        Host.State.Read(all => all.SelectMany(make).ToArray());

    /// <summary>Path of settings: of a VM or of a checkpoint.</summary>
    protected static CimPath Settings(Guid id) => new("Msvm_VirtualSystemSettingData", ("InstanceID", LabText.InstanceId(id)));

    /// <summary>Object path as it stands inside an embedded reference.</summary>
    protected static string Reference(string className, string instanceId) =>
        new CimPath(className, ("InstanceID", instanceId)).ToObjectPath(HostName);
}
