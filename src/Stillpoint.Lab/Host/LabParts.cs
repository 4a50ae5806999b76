using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Stillpoint.Lab;

/// <summary>Everything a lab consists of, put together.</summary>
internal sealed class LabParts : IAsyncDisposable
{
    private readonly ILoggerFactory _logs;
    private readonly FileStream _alone;
    private readonly RandomNumberGenerator _random;

    /// <param name="options">How the lab is to be.</param>
    /// <param name="logs">Where it reports; disposed with the parts.</param>
    public LabParts(LabOptions options, ILoggerFactory logs)
    {
        _logs = logs;
        var data = Path.GetFullPath(options.DataFolder);
        Directory.CreateDirectory(data);
        _alone = TakeAlone(data);
        var clock = new LabClock(options.Time, options.NewId);
        Faults = new FaultBoard();
        Jobs = new JobBoard(clock, Faults, options.JobTime, logs.CreateLogger<JobBoard>());
        var paths = new HostPaths(Path.Combine(data, "C"));
        Context = new HostContext(new HostState(Path.Combine(data, "state.json")), paths, new DiskFiles(paths, clock),
            new RecordStore(Path.Combine(data, "record")), clock, Jobs, Faults) { Granule = options.Granule };
        Identity = LabIdentity.Load(data, clock, options.Random);
        _random = RandomNumberGenerator.Create();
        Door = new Door(new LabAccounts(options.Accounts.Prepend(Identity.Administrator)), clock, _random, Identity.Certificate);
        Merges = new DiskMerges(Context, options.MergeDelay);
        Checkpoints = new Checkpoints(Context, Merges);
        Power = new PowerStates(Context);
        Guests = new GuestWriter(Context);

        var language = new HostLanguage(options.Language);
        var schema = CimSchema.Load();
        var repository = new CimRepository(schema, language);
        CimSource[] sources =
        [
            new ComputerSystems(schema, Context), new SystemSettings(schema, Context), new ResourceSettings(schema, Context),
            new ReferencePoints(schema, Context), new Jobs(schema, Context), new Services(schema, Context), new Associations(schema, Context), new GuestServices(schema, Context, options.HostVersion),
        ];
        foreach (var source in sources) source.Register(repository);
        var lookup = new MachineLookup(Context);
        Methods = new MethodTable(
            new SnapshotMethods(Context, lookup, Checkpoints).All(),
            new ManagementMethods(Context, lookup, new PlannedMachines(Context), Power, Merges).All(),
            new SettingsMethods(Context, lookup).All(),
            new ImageMethods(Context).All(),
            new JobMethods(Jobs).All());
        WsMan = new WsManService(schema, repository, Methods, new SoapWriter(CimSource.HostName, options.NewId, language.Name),
            new EnumerationStore(options.Time));
    }

    public HostContext Context { get; }
    public FaultBoard Faults { get; }
    public JobBoard Jobs { get; }
    public LabIdentity Identity { get; }
    public Door Door { get; }
    public DiskMerges Merges { get; }
    public Checkpoints Checkpoints { get; }
    public PowerStates Power { get; }
    public GuestWriter Guests { get; }
    public MethodTable Methods { get; }
    public WsManService WsMan { get; }

    /// <summary>Takes up what a stop or a crash left: lock files, a burst of writes, merges.</summary>
    public void Resume()
    {
        foreach (var machine in Context.State.Read(all => all.ToArray())) Guests.Finish(machine);
        Power.RestoreLocks();
        foreach (var machine in Context.State.Read(all => all.Where(m => m.MergePending).ToArray())) Merges.Begin(machine);
    }

    /// <summary>Takes checkpoints of a VM as a person does.</summary>
    public async Task CheckpointAsync(Machine machine, int count, CancellationToken cancel)
    {
        for (var i = 0; i < count; i++) await Checkpoints.TakeAsync(machine, CheckpointKind.User, consistency: 2, cancel);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Jobs.DisposeAsync();
        Identity.Certificate.Dispose();
        _random.Dispose();
        _logs.Dispose();
        await _alone.DisposeAsync();
    }

    /// <summary>Two labs over one folder would undo each other's state. The lock goes with the process, however it ends.</summary>
    private static FileStream TakeAlone(string data)
    {
        try
        {
            return new FileStream(Path.Combine(data, "running"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException taken)
        {
            throw new IOException($"Another lab runs over {data}.", taken);
        }
    }
}
