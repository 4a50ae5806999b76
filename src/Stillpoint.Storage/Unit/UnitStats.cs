namespace Stillpoint.Storage;

/// <summary>What a storage unit holds.</summary>
/// <param name="Images">Committed images.</param>
/// <param name="ImageBytes">Sum of the sizes of their disks and files.</param>
/// <param name="Chunks">Distinct chunks, also those that no image refers to.</param>
/// <param name="Nodes">Distinct tree nodes.</param>
/// <param name="DataBytes">Bytes of data packs.</param>
/// <param name="NodeBytes">Bytes of node packs.</param>
/// <param name="Packs">Number of packs.</param>
public sealed record UnitStats(int Images, long ImageBytes, long Chunks, long Nodes, long DataBytes, long NodeBytes, int Packs);
