namespace Stillpoint.Model;

/// <summary>What the catalog learned from a storage unit.</summary>
/// <param name="Images">Images that the unit holds.</param>
/// <param name="Listed">Those that the catalog did not know.</param>
/// <param name="Refreshed">Those that an earlier rebuild listed and that were read again.</param>
/// <param name="Elsewhere">Those that the catalog lists in another storage unit, of which this one has copies.</param>
/// <param name="Unnamed">Those listed or refreshed without names, because their key is not here or does not open them.</param>
/// <param name="Domains">Ids of the key domains whose key is not here.</param>
public sealed record RebuildReport(int Images, int Listed, int Refreshed, int Elsewhere, int Unnamed, IReadOnlyList<Guid> Domains)
{
    /// <summary>Most images in <see cref="LeftOutImages"/>.</summary>
    public const int MostNamed = 100;

    /// <summary>Those that are not listed because what is stored of them is no image, or out of bounds.</summary>
    public int LeftOut { get; init; }

    /// <summary>The first of these; the primary server's log names all.</summary>
    public IReadOnlyList<ImageLeftOut> LeftOutImages { get; init; } = [];
}

/// <summary>An image that a rebuild did not list.</summary>
/// <param name="Image">Its id in the unit's list.</param>
/// <param name="Why">What is wrong with it.</param>
public sealed record ImageLeftOut(Guid Image, string Why);
