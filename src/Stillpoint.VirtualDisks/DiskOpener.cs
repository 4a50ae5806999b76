namespace Stillpoint.VirtualDisks;

/// <summary>Recognises a disk's format and opens its chain.</summary>
internal static class DiskOpener
{
    internal static VirtualDisk Open(string path, DiskOpenOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        return Open(path, options, [], []);
    }

    private static VirtualDisk Open(string path, DiskOpenOptions options, List<string> children, HashSet<Guid> contents)
    {
        var full = System.IO.Path.GetFullPath(path);
        if (children.Count >= VirtualDisk.DeepestChain) throw new DiskFormatException(path, "parent locator", 0, $"the chain is deeper than {VirtualDisk.DeepestChain} files");
        if (children.Contains(full)) throw new DiskFormatException(children[^1], "parent locator", 0, $"leads back to {full}: the chain is a loop");
        children.Add(full);
        var file = options.Files.Open(path, !options.ReadOnly);
        VirtualDisk? disk = null;
        try
        {
            if (children.Count > 1 && OfContent(file) is var found && found != options.Format)
            {
                throw new DiskFormatException(children[^2], "parent locator", 0, $"names {path} as its parent, which is no {options.Format}");
            }
            disk = OpenFile(file, options);
            // The same file under another name, by a link, has another path but the same identity.
            if (disk.WriteId is { } id && !contents.Add(id) && disk is IDifferencing { Locator: not null })
            {
                throw new DiskFormatException(children[^1], "parent locator", 0, $"the content {id} stands in the chain already: the chain is a loop");
            }
            LinkParent(disk, options, children, contents);
            return disk;
        }
        catch
        {
            if (disk is not null) disk.Dispose();
            else file.Dispose();
            throw;
        }
    }

    /// <summary>Opens one file, without its parent.</summary>
    internal static VirtualDisk OpenFile(IDiskFile file, DiskOpenOptions options) => (options.Format ?? Recognise(file)) switch
    {
        DiskFormat.Vhdx => VhdxOpening.Open(file, options),
        DiskFormat.Raw => FlatDisk.Raw(file, !options.ReadOnly),
        _ => VhdOpening.Open(file, options),
    };

    /// <summary>What the content is, unless the name says otherwise: a guest can write any bytes into a raw disk, so neither is to be believed
    /// against the other.</summary>
    private static DiskFormat Recognise(IDiskFile file)
    {
        var (byName, byContent) = (DiskFile.FormatOfName(file.Path), OfContent(file));
        if (byContent is { } content)
        {
            return byName == content || (byName == DiskFormat.Raw && !DiskFile.SaysRaw(file.Path)) ? content
                : throw new AmbiguousFormatException(file.Path, byName, content);
        }
        if (byName == DiskFormat.Vhdx) throw new DiskFormatException(file.Path, "file identifier", 0, "is not \"vhdxfile\": no VHDX, whatever its name says");
        if (byName == DiskFormat.Vhd)
        {
            throw new DiskFormatException(file.Path, "footer", Math.Max(0, file.Length - VhdFooter.Size), "is not \"conectix\", nor is its copy: no VHD, whatever its name says");
        }
        return ForeignOf(file) is { } foreign ? throw new ForeignFormatException(file.Path, foreign) : DiskFormat.Raw;
    }

    /// <summary>The format of ours whose signature the content has; null when it has none.</summary>
    internal static DiskFormat? OfContent(IDiskFile file) =>
        Start(file).AsSpan().StartsWith(VhdxLayout.FileSignature) ? DiskFormat.Vhdx : VhdFooter.IsThere(file) ? DiskFormat.Vhd : null;

    /// <summary>The format of others whose signature the content has; null when it has none.</summary>
    internal static string? ForeignOf(IDiskFile file) => ForeignFormat.OfStart(Start(file));

    private static byte[] Start(IDiskFile file)
    {
        var start = new byte[(int)Math.Min(file.Length, ForeignFormat.StartSize)];
        file.Read(0, start);
        return start;
    }

    private static void LinkParent(VirtualDisk disk, DiskOpenOptions options, List<string> children, HashSet<Guid> contents)
    {
        if (options.WithoutParent || disk is not IDifferencing { Locator: { } locator } child) return;
        var path = (options.ResolveParent ?? ParentLocator.ResolveBeside)(disk.Path, locator)
            ?? throw new DiskFormatException(disk.Path, "parent locator", 0, $"the parent was not found; tried {string.Join(", ", locator.Paths)}");
        // The child says of what format its parent is, so that the name does not matter.
        var parent = Open(path, options with { ReadOnly = true, NewId = null, Format = disk.Format }, children, contents);
        child.AdoptParent(parent);
        ParentCheck.Run(disk, locator, parent);
    }
}
