namespace Stillpoint.VirtualDisks;

/// <summary>The merge of a VHD child into its parent. A VHD keeps its identity when it is written, so the child opens all the while, and a
/// merge that was interrupted starts over.</summary>
internal static class VhdMerge
{
    internal static void Run(string childPath, VhdxMergeOptions options, CancellationToken cancel)
    {
        var parentPath = ParentOf(childPath, options);
        using var child = VirtualDisk.Open(childPath, new DiskOpenOptions { WithoutParent = true, Files = options.Files });
        using var parent = VirtualDisk.Open(parentPath, new DiskOpenOptions { ReadOnly = false, NewId = options.NewId, ResolveParent = options.ResolveParent, Files = options.Files });
        // Before this lock somebody else may have put another file there.
        ParentCheck.Run(child, ((IDifferencing)child).Locator!, parent);
        if (parent.Length != child.Length) parent.Resize(child.Length, discard: true, cancel);
        MergeCopy.Run(child, parent, options, cancel);
        parent.Flush();
    }

    private static string ParentOf(string childPath, VhdxMergeOptions options)
    {
        using var child = VirtualDisk.Open(childPath, new DiskOpenOptions { ResolveParent = options.ResolveParent, Files = options.Files });
        return child.Parent?.Path ?? throw new ArgumentException($"{childPath} is not a differencing disk", nameof(childPath));
    }
}
