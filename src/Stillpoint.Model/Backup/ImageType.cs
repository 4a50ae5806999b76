namespace Stillpoint.Model;

/// <summary>What a backup reads from the disks. Every image is complete in the store whatever was read for it.</summary>
public enum ImageType
{
    /// <summary>Everything that holds data.</summary>
    Full,

    /// <summary>What changed since the last backup of any type.</summary>
    DifferentialIncremental,

    /// <summary>What changed since the last full.</summary>
    CumulativeIncremental,
}
