namespace Stillpoint.VirtualDisks;

/// <summary>Whether a file is the parent that its child was linked to.</summary>
internal static class ParentCheck
{
    internal static void Run(VirtualDisk child, ParentLocator locator, VirtualDisk parent)
    {
        DiskFormatException Bad(string problem) => new(child.Path, "parent locator", 0, problem);
        if (parent.Format != child.Format) throw Bad($"the parent {parent.Path} is {parent.Format}, not {child.Format}");
        if (parent.WriteId is not { } id || (id != locator.Linkage && id != locator.Linkage2))
        {
            throw Bad($"the parent {parent.Path} was changed since the child was made: it has id {parent.WriteId}, the child expects {locator.Linkage}");
        }
        if (parent.LogicalSectorSize != child.LogicalSectorSize)
        {
            throw Bad($"the parent {parent.Path} has sectors of {parent.LogicalSectorSize} bytes, the child of {child.LogicalSectorSize}");
        }
        if (parent.VirtualDiskId is { } p && child.VirtualDiskId is { } c && p != c) throw Bad($"the parent {parent.Path} is of another disk: {p}, not {c}");
    }
}
