namespace Stillpoint.Lab;

/// <summary>A VM that a new lab has.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Generation">1 or 2.</param>
/// <param name="CanQuiesce">False for a guest without integration services.</param>
/// <param name="Disks">Its disks by the names of their fixtures.</param>
internal sealed record FixtureMachine(string Name, int Generation, bool CanQuiesce, IReadOnlyList<string> Disks)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<FixtureMachine> All { get; } =
    [
        new("web", 2, CanQuiesce: true, ["ntfs-gen2"]),
        new("db", 1, CanQuiesce: true, ["ext4-gen1-system", "ext4-gen1-data"]),
        new("legacy", 1, CanQuiesce: false, ["ext4-gen1-system"]),
    ];
}
