namespace Stillpoint.VirtualDisks;

/// <summary>How bad a finding is.</summary>
public enum FindingKind
{
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Note,

    /// <summary>The disk reads right, but a copy or a log should be put in order: a repair does it.</summary>
    Repairable,

    /// <summary>The disk, or a part of it, cannot be read right.</summary>
    Damage,
}

/// <summary>Something that a check found.</summary>
/// <param name="Kind">How bad it is.</param>
/// <param name="Path">The file of the chain.</param>
/// <param name="Structure">The part of the file, in the specification's words.</param>
/// <param name="Offset">Where it is in the file, bytes.</param>
/// <param name="Text">What is wrong with it.</param>
public sealed record DiskFinding(FindingKind Kind, string Path, string Structure, long Offset, string Text);
