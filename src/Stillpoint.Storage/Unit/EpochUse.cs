namespace Stillpoint.Storage;

/// <summary>What of a key domain lies under one epoch of its data key.</summary>
/// <param name="Epoch">The epoch.</param>
/// <param name="Packs">Data packs.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record EpochUse(int Epoch, int Packs, long Bytes);
