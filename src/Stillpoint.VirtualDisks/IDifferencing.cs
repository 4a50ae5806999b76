namespace Stillpoint.VirtualDisks;

/// <summary>A file that may stand on a parent.</summary>
internal interface IDifferencing
{
    /// <summary>What the file says of its parent; null when it has none.</summary>
    ParentLocator? Locator { get; }

    /// <summary>Gives the file its parent, which it disposes with itself.</summary>
    void AdoptParent(VirtualDisk? parent);
}
