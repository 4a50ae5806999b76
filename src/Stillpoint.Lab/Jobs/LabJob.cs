namespace Stillpoint.Lab;

/// <summary>What kind of work a job does (<c>JobType</c>, an enumeration per class).</summary>
internal enum JobType
{
    CreateVirtualHardDisk = 1,
    MergeDisks = 50,
    Import = 61,
    CreateSnapshot = 70,
    ApplySnapshot = 71,
    DeleteSnapshot = 72,
    ChangeState = 4,
    DestroySystem = 2,
    ModifySettings = 5,
    ValidatePlanned = 140,
    RealizePlanned = 141,
    ConvertToReferencePoint = 200,
    CreateReferencePoint = 201,
    DestroyReferencePoint = 202,
}

/// <summary>A job of the host: <c>Msvm_ConcreteJob</c> or <c>Msvm_StorageJob</c>. Changed by its runner only.</summary>
internal sealed class LabJob(Guid id, bool isStorage, JobType type, string caption, DateTimeOffset started)
{
    public const ushort Running = 4;
    public const ushort Completed = 7;
    public const ushort Terminated = 8;
    public const ushort Failed = 10;

    /// <summary>Key of the instance.</summary>
    public Guid Id { get; } = id;

    /// <summary>Class of the instance.</summary>
    public string ClassName { get; } = isStorage ? "Msvm_StorageJob" : "Msvm_ConcreteJob";

    /// <summary>Its kind.</summary>
    public JobType Type { get; } = type;

    /// <summary>What it does, for people.</summary>
    public string Caption { get; } = caption;

    /// <summary>When it began.</summary>
    public DateTimeOffset Started { get; } = started;

    /// <summary>When its state last changed.</summary>
    public DateTimeOffset Changed { get; set; } = started;

    /// <summary>JobState: 4, 7, 8 or 10.</summary>
    public ushort State { get; set; } = Running;

    /// <summary>0 to 100.</summary>
    public ushort Percent { get; set; }

    /// <summary>0, or the error's number.</summary>
    public ushort ErrorCode { get; set; }

    /// <summary>The error's text; empty for none.</summary>
    public string ErrorDescription { get; set; } = "";

    /// <summary>What the job works on (ElementEffects 0).</summary>
    public List<CimPath> Affected { get; } = [];

    /// <summary>What it made (ElementEffects 5); filled when it is done, never before.</summary>
    public List<CimPath> Created { get; } = [];

    /// <summary>True when a planned fault keeps it from ending.</summary>
    public bool IsHung { get; set; }

    /// <summary>Ends it early.</summary>
    public CancellationTokenSource Stop { get; } = new();

    /// <summary>Its path.</summary>
    public CimPath Path => new(ClassName, ("InstanceID", Id.ToString().ToUpperInvariant()));
}
