namespace Stillpoint.VirtualDisks;

/// <summary>Files beside a differencing disk that stand on what a merge of it changes or, by deleting it, takes away.</summary>
/// <param name="Siblings">Other children of the same parent: after the merge the parent is no longer what they were made on.</param>
/// <param name="Children">Children of the disk itself: without its file they have no parent.</param>
public sealed record Relatives(IReadOnlyList<string> Siblings, IReadOnlyList<string> Children)
{
    private const int MostFiles = 10_000;

    /// <summary>Looks through the folder of a differencing disk. Files that cannot be opened are passed over, as are those in other folders.</summary>
    /// <param name="path">The differencing disk.</param>
    /// <exception cref="IOException">The folder holds more disk files than are looked at.</exception>
    public static Relatives Of(string path)
    {
        var alone = new DiskOpenOptions { WithoutParent = true };
        using var disk = VirtualDisk.Open(path, alone);
        List<string> siblings = [], children = [];
        if (disk is not IDifferencing { Locator.Linkage: { } parent }) return new(siblings, children);
        var own = Path.GetFullPath(path);
        var seen = 0;
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(own)!).Order(StringComparer.Ordinal))
        {
            if (DiskFile.FormatOfName(file) != disk.Format || file == own) continue;
            if (++seen > MostFiles) throw new IOException($"{Path.GetDirectoryName(own)} holds more than {MostFiles} disk files: too many to look for other children.");
            if (LinkageOf(file, alone) is not { } linkage) continue;
            if (linkage == parent) siblings.Add(file);
            if (linkage == disk.WriteId) children.Add(file);
        }
        return new(siblings, children);
    }

    private static Guid? LinkageOf(string path, DiskOpenOptions alone)
    {
        try
        {
            using var disk = VirtualDisk.Open(path, alone);
            return (disk as IDifferencing)?.Locator?.Linkage;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
