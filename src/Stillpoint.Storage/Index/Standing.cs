namespace Stillpoint.Storage;

/// <summary>How the best copy of a chunk or node stands.</summary>
internal enum Standing
{
    /// <summary>No pack holds it.</summary>
    Absent,

    /// <summary>Only damaged copies are known.</summary>
    Damaged,

    /// <summary>Only packs that a collect wants to delete hold it.</summary>
    Condemned,

    /// <summary>It may be built on.</summary>
    Good,
}
