using System.Buffers.Binary;

namespace Stillpoint.VirtualDisks;

/// <content>Links to parents, and the merge into one.</content>
public sealed partial class VhdxDisk
{
    /// <summary>
    /// Writes all that a differencing file holds into its parent, which then reads as the child did. Neither may be open elsewhere. May be
    /// interrupted at any point and called again: the child stays whole and keeps opening over the half-merged parent. The child's file is
    /// left; who has it as a parent must be linked anew with <see cref="SetParent"/>.
    /// </summary>
    /// <param name="childPath">The differencing file.</param>
    /// <param name="options">Where ids come from, how parents are found, where progress goes.</param>
    /// <param name="cancel">Stops between two pieces.</param>
    /// <exception cref="DiskFormatException">A file is damaged or the parent is not the child's.</exception>
    public static void MergeIntoParent(string childPath, VhdxMergeOptions options, CancellationToken cancel = default) =>
        VhdxMerge.Run(childPath, options, cancel);

    /// <summary>Links a differencing file to a parent, after a merge or when files were moved. That the parent has the content that the child
    /// was made on is the caller's word: it cannot be checked.</summary>
    /// <param name="childPath">The differencing file; must not be open elsewhere.</param>
    /// <param name="parentPath">The parent's file here.</param>
    /// <param name="options">Texts to write as paths, ids, how the parent's own parents are found.</param>
    public static void SetParent(string childPath, string parentPath, VhdxLinkOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var parent = Open(parentPath, new DiskOpenOptions { ResolveParent = options.ResolveParent, Files = options.Files });
        using var disk = Open(childPath, new DiskOpenOptions { ReadOnly = false, NewId = options.NewId, WithoutParent = true, Files = options.Files });
        if (disk is not VhdxDisk { Locator: not null } child) throw new ArgumentException($"{childPath} is not a differencing VHDX", nameof(childPath));
        if (parent.Format != DiskFormat.Vhdx) throw new ArgumentException($"{parentPath} is not a VHDX", nameof(parentPath));
        var locator = VhdxCreation.LocatorOf(childPath, parent, options.ParentPaths);
        ParentCheck.Run(child, locator, parent);
        child.ReplaceLocator(locator);
    }

    /// <summary>Gives the content this identity at the first write of the session, or now.</summary>
    internal void RenewWriteId(Guid id)
    {
        lock (_gate)
        {
            if (_headers.Current.DataWriteId != id) _headers.UpdateBoth(_headers.Current with { FileWriteId = _newId!(), DataWriteId = id });
            _writeIdIsNew = true;
        }
    }

    /// <summary>Writes both headers, and a damaged copy of the region table, anew.</summary>
    internal void RewriteCopies()
    {
        CheckWritable();
        lock (_gate)
        {
            _log!.Close();
            var (first, second) = (VhdxLayout.RegionTableOffsets[0], VhdxLayout.RegionTableOffsets[1]);
            var (from, to) = VhdxRegions.IsSound(_file, first) ? (first, second) : (second, first);
            if (!VhdxRegions.IsSound(_file, to))
            {
                var table = new byte[VhdxLayout.RegionTableSize];
                _file.Read(from, table);
                _file.Write(to, table);
            }
            _headers.UpdateBoth(_headers.Current with { FileWriteId = _newId!() });
        }
    }

    /// <summary>Writes another parent locator: whole, or not at all.</summary>
    internal void ReplaceLocator(ParentLocator locator)
    {
        CheckWritable();
        lock (_gate)
        {
            _log!.Commit();
            var value = VhdxParentLocator.Build(locator);
            var items = VhdxMetadataItems.Load(_file, _regions);
            var (oldPlace, entryPlace) = items.Place(VhdxLayout.ParentLocatorItem);
            var oldLength = items.Value(VhdxLayout.ParentLocatorItem, "Parent Locator", null).Length;
            var place = value.Length <= oldLength ? oldPlace : _regions.MetadataOffset + VhdxLayout.RoundUp(items.End, 8);
            if (place + value.Length > _regions.MetadataOffset + _regions.MetadataLength)
            {
                throw new DiskFormatException(Path, "metadata", _regions.MetadataOffset, "has no room for another parent locator");
            }
            var edit = new MetadataEdit(_file);
            edit.Write(place, value);
            Span<byte> entry = stackalloc byte[8];
            BinaryPrimitives.WriteUInt32LittleEndian(entry, checked((uint)(place - _regions.MetadataOffset)));
            BinaryPrimitives.WriteInt32LittleEndian(entry[4..], value.Length);
            edit.Write(entryPlace + 16, entry);
            _log.CommitTogether(edit.Pages);
            _metadata = _metadata with { Locator = locator };
        }
    }
}
