using Stillpoint.Model;

namespace Stillpoint.Chunks;

/// <summary>The part of an image that needs no key: what a media server checks, marks and expires by.</summary>
/// <param name="Id">The image.</param>
/// <param name="Domain">The key domain.</param>
/// <param name="VmId">The VM, as the job grant names it.</param>
/// <param name="JobId">The job, as the job grant names it.</param>
/// <param name="Created">When the checkpoint was taken, UTC.</param>
/// <param name="Type">What was read.</param>
/// <param name="Consistency">What was achieved.</param>
/// <param name="BaseImageId">The image whose unread ranges it shares; null for a full.</param>
/// <param name="Streams">Disks first, in the VM's order, then files.</param>
public sealed record ImageHeader(
    Guid Id,
    Guid Domain,
    Guid VmId,
    Guid JobId,
    DateTimeOffset Created,
    ImageType Type,
    Consistency Consistency,
    Guid? BaseImageId,
    IReadOnlyList<StreamHeader> Streams);

/// <summary>What a stream of an image is.</summary>
public enum StreamKind
{
    Disk,
    File,
}

/// <summary>One disk or file of an image.</summary>
/// <param name="Kind">Which of the two.</param>
/// <param name="Length">Size in bytes.</param>
/// <param name="Root">Root of its tree.</param>
/// <param name="BytesChanged">See <see cref="DiskFigures"/>; so are the others.</param>
/// <param name="BytesRead">Read for the image.</param>
/// <param name="BytesAudited">Read by the tracking audit.</param>
/// <param name="BytesSent">Plain size of the chunks sent.</param>
/// <param name="BytesWire">Their records' size.</param>
/// <param name="BytesStored">Records and nodes that this stream added to the unit.</param>
public sealed record StreamHeader(
    StreamKind Kind, long Length, NodeId Root, long BytesChanged, long BytesRead, long BytesAudited, long BytesSent, long BytesWire, long BytesStored);

/// <summary>A committed image as a reader gets it.</summary>
/// <param name="Header">The open part.</param>
/// <param name="Details">The sealed part: an <see cref="ImageDetails"/>.</param>
/// <param name="Notes">Its notes, oldest first.</param>
public sealed record StoredImage(ImageHeader Header, SealedBlob Details, IReadOnlyList<ImageNote> Notes);

/// <summary>What became true of an image later. Notes are written once and never changed.</summary>
public enum NoteKind
{
    /// <summary>An incremental may build on the image; payload: <see cref="BaseNote"/>.</summary>
    Base,

    /// <summary>A verify with the key found it sound; the newest of these and of <see cref="Damaged"/> counts.</summary>
    Verified,

    /// <summary>Change tracking was caught missing a write since the last full read.</summary>
    Suspect,

    /// <summary>Not to be given up. Seals the reason in a keeping of the unit; it is no note of its own.</summary>
    Hold,

    /// <summary>Another unit has a copy; open payload: that unit's id in 32 hexadecimal digits.</summary>
    Copied = 6,

    /// <summary>A verify found its stored bytes damaged, until a later note <see cref="Verified"/> says that they were healed. The payload may lie in
    /// the open.</summary>
    Damaged = 7,
}

/// <summary>One note.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="Written">When, UTC.</param>
/// <param name="Payload">Sealed content.</param>
public sealed record ImageNote(NoteKind Kind, DateTimeOffset Written, SealedBlob Payload);
