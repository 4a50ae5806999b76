using Stillpoint.Extents;
using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>The part of an image that is sealed with the domain's key.</summary>
/// <param name="VmName">The VM's display name.</param>
/// <param name="Method">How the snapshot was taken; null for a disk file backed up without a host.</param>
/// <param name="Host">The host's name; null without a host.</param>
/// <param name="CheckpointId">The host's id of the checkpoint that was read; null without a host.</param>
/// <param name="LastAppliedSnapshot">Id of the user checkpoint that was last applied to the VM; null for none.</param>
/// <param name="Disks">One a disk stream, in the same order.</param>
/// <param name="Files">One a file stream, in the same order.</param>
public sealed record ImageDetails(
    string VmName,
    BackupMethod? Method,
    string? Host,
    string? CheckpointId,
    string? LastAppliedSnapshot,
    IReadOnlyList<DiskDetails> Disks,
    IReadOnlyList<FileDetails> Files);

/// <summary>One disk of an image.</summary>
/// <param name="Name">File name, unique within the image.</param>
/// <param name="HostPath">Host path of the frozen file that was read.</param>
/// <param name="SettingId">The disk's slot in the VM: instance id of its storage allocation; null without a host.</param>
/// <param name="VirtualDiskId">The container's virtual disk id; null where it has none.</param>
/// <param name="ChainWriteIds">Data-write id of every file of the chain, leaf first: what tells a revert from an ordinary write.</param>
/// <param name="LogicalSectorSize">512 or 4096.</param>
/// <param name="Read">The ranges that were read for this image: all of the disk for a full read.</param>
/// <param name="FullReason">Why it was read in full although an incremental was asked.</param>
public sealed record DiskDetails(
    string Name,
    string? HostPath,
    string? SettingId,
    Guid? VirtualDiskId,
    IReadOnlyList<Guid> ChainWriteIds,
    int LogicalSectorSize,
    ExtentSet Read,
    string? FullReason);

/// <summary>One file of an image beside its disks.</summary>
/// <param name="Name">File name, unique within the image, for example <c>configuration.vmcx</c>.</param>
/// <param name="Role"><c>configuration</c>, or another word that tells a restore what it is.</param>
public sealed record FileDetails(string Name, string Role);

/// <summary>Payload of a <see cref="NoteKind.Base"/> note: what the host must still have for the image to be a base.</summary>
/// <param name="ReferencePointId">The host's reference point.</param>
/// <param name="Disks">Per disk, in the image's order.</param>
public sealed record BaseNote(string ReferencePointId, IReadOnlyList<BaseNoteDisk> Disks);

/// <summary>What change tracking needs for one disk.</summary>
/// <param name="SettingId">The disk's slot in the VM.</param>
/// <param name="TrackingId">The host's change-tracking id, opaque; null where the host gave none.</param>
public sealed record BaseNoteDisk(string SettingId, string? TrackingId);
