using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stillpoint.Lab;

/// <summary>JSON of the controls: camel case, enumerations by name.</summary>
internal static class ControlJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };
}

/// <summary>Lets a guest write about so many bytes.</summary>
internal sealed record WriteRequest(string Vm, long Bytes, int? Seed = null);

/// <summary>Holds a disk file against the record of a checkpoint; by host path or by local path.</summary>
internal sealed record CompareRequest(Guid CheckpointId, int Disk, string? HostPath = null, string? LocalPath = null);

/// <summary>Plans a fault.</summary>
internal sealed record FaultRequest(string Name, int Count = 1, string? Vm = null);

/// <summary>Takes all planned faults back; says nothing more.</summary>
internal sealed record ClearRequest;

/// <summary>What another product leaves on a host.</summary>
internal enum ForeignKind
{
    RecoveryCheckpoint,
    ReferencePoint,
}

/// <summary>Makes an object of another product.</summary>
internal sealed record ForeignRequest(string Vm, ForeignKind Kind);

/// <summary>Names a VM.</summary>
internal sealed record MachineRequest(string Vm);

/// <summary>Takes a VM back to a user checkpoint; the newest when none is named.</summary>
internal sealed record RevertRequest(string Vm, Guid? CheckpointId = null);

/// <summary>What is done to a disk of a VM that is off.</summary>
internal enum OfflineDeed
{
    Replace,
    Resize,
    Compact,
    Write,

    /// <summary>Written without change tracking noticing.</summary>
    WriteSilently,
    Move,

    /// <summary>Another product begins change tracking anew; the VM may run.</summary>
    ResetTracking,
}

/// <summary>Does it.</summary>
internal sealed record OfflineRequest(string Vm, OfflineDeed Deed, int Disk = 0, long Bytes = 0, long Offset = 0, string? Folder = null);

/// <summary>Brings a VM into a state.</summary>
internal sealed record StateRequest(string Vm, PowerState State);
