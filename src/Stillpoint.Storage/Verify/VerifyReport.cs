using Stillpoint.Model;

namespace Stillpoint.Storage;

/// <summary>What a verify found.</summary>
/// <param name="Kind">How deep it looked.</param>
/// <param name="Packs">Packs read.</param>
/// <param name="Records">Records and nodes checked.</param>
/// <param name="Bytes">Bytes read.</param>
/// <param name="Damage">What is wrong; empty when all is sound.</param>
/// <param name="Images">Each committed image of the domains that were checked, and whether all it refers to is sound.</param>
/// <param name="Unchecked">Number of images that belong to other key domains than the one that was checked.</param>
/// <param name="Skipped">Packs that were not read: found sound lately, or not picked.</param>
/// <param name="Partial">True when a part was picked, so that no image is called sound for good.</param>
public sealed record VerifyReport(
    VerifyKind Kind, long Packs, long Records, long Bytes, IReadOnlyList<string> Damage, IReadOnlyList<VerifiedImage> Images, int Unchecked,
    long Skipped = 0, bool Partial = false)
{
    /// <summary>Images that were left out of <see cref="Images"/>, since they were found sound within <see cref="VerifyOptions.OlderThan"/>.</summary>
    public int NotDue { get; init; }
}

/// <summary>An image after a verify.</summary>
/// <param name="Id">The image.</param>
/// <param name="Sound">True when all of it is there and sound.</param>
/// <param name="Why">What is not, in a few words; null when it is sound.</param>
public sealed record VerifiedImage(Guid Id, bool Sound, string? Why);
