namespace Stillpoint.VirtualDisks;

/// <summary>Recognises a disk's format and opens its chain.</summary>
internal static class DiskOpener
{
    internal static VirtualDisk Open(string path, DiskOpenOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        return Open(path, options, []);
    }

    private static VirtualDisk Open(string path, DiskOpenOptions options, List<string> children)
    {
        var full = System.IO.Path.GetFullPath(path);
        if (children.Count >= VirtualDisk.DeepestChain) throw new DiskFormatException(path, "parent locator", 0, $"the chain is deeper than {VirtualDisk.DeepestChain} files");
        if (children.Contains(full)) throw new DiskFormatException(children[^1], "parent locator", 0, $"leads back to {full}: the chain is a loop");
        children.Add(full);
        var file = options.Files.Open(path, !options.ReadOnly);
        VirtualDisk? disk = null;
        try
        {
            disk = OpenFile(file, options);
            LinkParent(disk, options, children);
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

    private static DiskFormat Recognise(IDiskFile file)
    {
        var start = new byte[(int)Math.Min(file.Length, ForeignFormat.StartSize)];
        file.Read(0, start);
        if (start.AsSpan().StartsWith(VhdxLayout.FileSignature)) return DiskFormat.Vhdx;
        if (VhdFooter.IsThere(file)) return DiskFormat.Vhd;
        var ending = System.IO.Path.GetExtension(file.Path);
        if (ending.Equals(".vhdx", StringComparison.OrdinalIgnoreCase) || ending.Equals(".avhdx", StringComparison.OrdinalIgnoreCase))
        {
            throw new DiskFormatException(file.Path, "file identifier", 0, "is not \"vhdxfile\": no VHDX, whatever its name says");
        }
        if (ending.Equals(".vhd", StringComparison.OrdinalIgnoreCase) || ending.Equals(".avhd", StringComparison.OrdinalIgnoreCase))
        {
            throw new DiskFormatException(file.Path, "footer", Math.Max(0, file.Length - VhdFooter.Size), "is not \"conectix\", nor is its copy: no VHD, whatever its name says");
        }
        return ForeignFormat.OfStart(start) is { } foreign ? throw new ForeignFormatException(file.Path, foreign) : DiskFormat.Raw;
    }

    private static void LinkParent(VirtualDisk disk, DiskOpenOptions options, List<string> children)
    {
        if (options.WithoutParent || disk is not IDifferencing { Locator: { } locator } child) return;
        var path = (options.ResolveParent ?? ParentLocator.ResolveBeside)(disk.Path, locator)
            ?? throw new DiskFormatException(disk.Path, "parent locator", 0, $"the parent was not found; tried {string.Join(", ", locator.Paths)}");
        var parent = Open(path, options with { ReadOnly = true, NewId = null, Format = null }, children);
        child.AdoptParent(parent);
        ParentCheck.Run(disk, locator, parent);
    }
}
