namespace Stillpoint.Storage;

/// <summary>What a renewal did.</summary>
/// <param name="Images">Images whose objects were extended.</param>
/// <param name="Objects">Objects whose locks were extended, packs among them.</param>
/// <param name="Packs">Packs that the images need.</param>
/// <param name="Left">Packs that no image needs: their locks run out.</param>
/// <param name="Damaged">What could not be extended because it is damaged or gone.</param>
public sealed record RenewalReport(int Images, int Objects, int Packs, int Left, IReadOnlyList<string> Damaged);
