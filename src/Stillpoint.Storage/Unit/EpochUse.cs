namespace Stillpoint.Storage;

/// <summary>What of a key domain lies under one epoch of its data key.</summary>
/// <param name="Epoch">The epoch.</param>
/// <param name="Packs">Data packs.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Images">Images whose details are sealed under it. An image never changes, so these stay until the image goes.</param>
/// <param name="Notes">Notes of images, and reasons of holds.</param>
public sealed record EpochUse(int Epoch, int Packs, long Bytes, int Images, int Notes);
