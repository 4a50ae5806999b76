namespace Stillpoint.VirtualDisks;

/// <summary>
/// The merge of a child into its parent. The parent's first change gives it a new DataWriteGuid, which would cut the child off; so that id is
/// chosen first and stands in the child as parent_linkage2 before the parent is touched. Copying the same bytes twice does no harm, so a
/// merge that was interrupted starts over.
/// </summary>
internal static class VhdxMerge
{
    internal static void Run(string childPath, VhdxMergeOptions options, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (parentPath, mergeId) = Announce(childPath, options);
        using var child = (VhdxDisk)VirtualDisk.Open(childPath, new DiskOpenOptions { WithoutParent = true, Files = options.Files });
        using var parent = (VhdxDisk)VirtualDisk.Open(parentPath, new DiskOpenOptions { ReadOnly = false, NewId = options.NewId, ResolveParent = options.ResolveParent, Files = options.Files });
        // Between the announcement and this lock somebody else may have written the parent.
        ParentCheck.Run(child, child.Locator!, parent);
        parent.RenewWriteId(mergeId);
        if (parent.Length != child.Length) parent.Resize(child.Length, discard: true, cancel);
        MergeCopy.Run(child, parent, options, cancel);
        parent.Flush();
    }

    /// <summary>Writes into the child under which id the parent will go on, unless an earlier run did.</summary>
    private static (string ParentPath, Guid MergeId) Announce(string childPath, VhdxMergeOptions options)
    {
        using var disk = VirtualDisk.Open(childPath, new DiskOpenOptions { ReadOnly = false, NewId = options.NewId, ResolveParent = options.ResolveParent, Files = options.Files });
        if (disk is not VhdxDisk { Locator: { } locator } child) throw new ArgumentException($"{childPath} is not a differencing VHDX", nameof(childPath));
        var parent = child.Parent!;
        if (locator.Linkage2 is { } begun && parent.WriteId == begun) return (parent.Path, begun);
        var id = options.NewId();
        child.ReplaceLocator(new ParentLocator(new Dictionary<string, string>(locator.Entries, StringComparer.Ordinal) { [ParentLocator.Linkage2Key] = id.ToString("B") }));
        return (parent.Path, id);
    }
}
